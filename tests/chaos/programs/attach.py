"""Joins the run, then becomes another program that goes on as this client: memory, socket and client number are its first arguments.

python attach.py ADDRESS PROGRAM ARGUMENT... -- ARGUMENT...      (`--` is replaced by those three)
"""

import os
import sys

from dragon import _agent, _build
from dragon._control import Frame, Hello

address, *command = sys.argv[1:]
connection = _agent.Connection(address)
connection.send(Frame(1, Hello(Hello.OTHER, _agent.PROTOCOL, build=_build.jar())), ())
welcome, memory = connection.welcomed()
socket = connection._socket.fileno()
os.set_inheritable(memory, True)
os.set_inheritable(socket, True)
at = command.index("--")
command[at : at + 1] = [str(memory), str(socket), str(welcome.client)]
os.execv(command[0], command)
