"""The codes that the exchange refuses with, a table for each area; ``loadtests.exchange.errors`` joins them."""
