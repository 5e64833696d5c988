"""A plain Locust file as its users write it: users who send, wait for the answer, and pause."""

from locust import FastHttpUser, constant_throughput, task


class Sender(FastHttpUser):
    """Sends 5 messages per second, if the answers come at once."""

    wait_time = constant_throughput(5)

    @task
    def send(self) -> None:
        """One message."""
        self.client.post("/v1/messages", data="x" * 4096, name="submit")
