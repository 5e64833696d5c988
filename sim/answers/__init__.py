"""Planners' questions, answered by runs: ``scenarios/questions.yaml`` becomes the table of ``scenarios/README.md``."""

from sim.answers.answering import Asked, answer, answer_run, asked
from sim.answers.page import checked, load_answers, rendered, replaced, stale
from sim.answers.questions import Question, Questions, RunOf, load_questions

__all__ = [
    "Asked",
    "Question",
    "Questions",
    "RunOf",
    "answer",
    "answer_run",
    "asked",
    "checked",
    "load_answers",
    "load_questions",
    "rendered",
    "replaced",
    "stale",
]
