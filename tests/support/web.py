"""HTTP as monitoring and browsers speak it to adbad."""
import http.client

from lab import DEADLINE


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.text = self.body.decode("utf-8")


def get(port, path="/", address="127.0.0.1", method="GET", **headers):
    """One request on a connection of its own; header names with _ for -."""
    connection = http.client.HTTPConnection(address, port, timeout=DEADLINE)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()
