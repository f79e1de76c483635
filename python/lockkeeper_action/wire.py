"""The private line to the bot: one JSON object a line, both ways."""

import json
import os
import socket
import threading


class Wire(object):
    def __init__(self, line):
        self._line = line
        self._reader = line.makefile("rb")
        self._one_at_a_time = threading.Lock()

    @classmethod
    def of_stdin(cls):
        """Takes the line away from standard input: programs that the action starts do not get it."""
        line = socket.socket(fileno=os.dup(0))
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        return cls(line)

    def receive(self):
        line = self._reader.readline()
        if not line:
            raise EOFError("the bot is gone")
        return json.loads(line.decode("utf-8"))

    def ask(self, question):
        """The answer to a question; RuntimeError with what the bot says if there is none."""
        return self.ask_text(json.dumps(question))

    def ask_text(self, question):
        """The same of one that is JSON already."""
        with self._one_at_a_time:
            self._send(question)
            answer = self.receive()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")

    def end(self, text):
        """The last that is said."""
        with self._one_at_a_time:
            self._send(text)

    def _send(self, text):
        self._line.sendall(text.encode("utf-8") + b"\n")
