"""The load generator on Locust, the only room of the project that imports locust, gevent or geventhttpclient.

Rule kept here: what is due is sent when it is due, whatever the exchange does; ``import locust`` patches sockets and
threads of the whole process, so only ``exchange``, ``master``, ``worker`` and ``shown`` do it, in a process of Locust.
"""
