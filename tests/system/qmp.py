#!/usr/bin/env python3
"""Commands to a QEMU that listens for QMP.

    qmp.py [--timeout S] SOCKET screendump FILE   FILE's suffix says the format: .png or .ppm
    qmp.py [--timeout S] SOCKET quit | system_reset | system_powerdown | query-status | ...

Prints what the command returns, if anything, as JSON. Exit status: 0; 1 if QEMU refuses or does not answer.
"""

import argparse
import json
import pathlib
import socket
import sys
import time


class Qmp:
    def __init__(self, path, timeout):
        """Connects as soon as QEMU listens. Raises OSError when the time is over before."""
        end = time.monotonic() + timeout
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.05)
        self.lines = self.socket.makefile('rw')
        self.read()  # the greeting
        self.run('qmp_capabilities')

    def read(self):
        line = self.lines.readline()
        if not line:
            raise OSError('QEMU has closed the QMP connection')
        return json.loads(line)

    def run(self, command, **arguments):
        """What the command returns. Raises OSError with QEMU's words if it refuses."""
        json.dump({'execute': command, 'arguments': arguments}, self.lines)
        self.lines.write('\n')
        self.lines.flush()
        while True:
            answer = self.read()
            if 'error' in answer:
                raise OSError(f'QEMU refuses {command}: {answer["error"]["desc"]}')
            if 'return' in answer:  # everything else is an event
                return answer['return']


def screendump(qmp, file):
    path = pathlib.Path(file).absolute()
    qmp.run('screendump', filename=str(path), format=path.suffix[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--timeout', type=float, default=30)
    parser.add_argument('socket')
    parser.add_argument('command')
    parser.add_argument('file', nargs='?')
    args = parser.parse_args()
    if (args.command == 'screendump') != (args.file is not None):
        parser.error('screendump needs a file, and no other command has one')
    try:
        qmp = Qmp(args.socket, args.timeout)
        returned = screendump(qmp, args.file) if args.file else qmp.run(args.command)
    except (OSError, ValueError) as error:
        sys.exit(f'qmp.py: {args.socket}: {error}')
    if returned:
        print(json.dumps(returned))


if __name__ == '__main__':
    main()
