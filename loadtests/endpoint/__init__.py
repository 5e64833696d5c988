"""The reference server of the exchange: the protocol of ``loadtests.exchange`` over HTTP, on a real store."""
