#!/usr/bin/env python3
"""Checks where a guest placed its resources: vgpu-replay dump --json TRACE | heap_places.py SIZE.

SIZE is that of the dedicated heap, in bytes; it tells the heap from the guest's memory. Each backing that the device
took must be one range of whole pages in the heap, over no other that is there. Prints what was placed. Exit status: 0;
1 with the first place that is wrong.
"""

import json
import sys

PAGE = 4096


def accepted(command):
    return command.get('response', {}).get('response', '').startswith('OK_')


class Places:
    """What lies where, as the trace goes on."""

    def __init__(self, heap):
        self.heap = heap
        self.live = {}  # by resource id: offset, size
        self.placed = self.most = 0

    def place(self, resource, ranges):
        where = [(one.get('heap', 0), one.get('offset', 0), one['size']) for one in ranges]
        if len(where) != 1 or where[0][0] != self.heap:
            raise ValueError(f'resource {resource} lies at {where}, not in one range of heap {self.heap}')
        _, offset, size = where[0]
        if offset % PAGE or size % PAGE:
            raise ValueError(f'resource {resource} lies at {offset}, {size} bytes: these are no whole pages')
        for other, (begin, length) in self.live.items():
            if offset < begin + length and begin < offset + size:
                raise ValueError(f'resource {resource} lies at {offset}, {size} bytes, over resource {other}')
        self.live[resource] = offset, size
        self.placed += 1
        self.most = max(self.most, len(self.live))

    def leave(self, resource):
        self.live.pop(resource, None)


def heap_of(packets, size):
    found = [packet['id'] for packet in packets if packet['packet'] == 'heap' and packet['size'] == size]
    if len(found) != 1:
        raise ValueError(f'the trace has {len(found)} heaps of {size} bytes, expected 1')
    return found[0]


def check(packets, size):
    places = Places(heap_of(packets, size))
    commands = {packet['number']: packet for packet in packets if packet['packet'] == 'command'}
    for packet in packets:
        if packet['packet'] == 'heap_event' and accepted(commands[packet['command']]):
            if packet['kind'] == 'ATTACH':
                places.place(packet['resource_id'], packet['place'])
            else:
                places.leave(packet['resource_id'])
        elif packet['packet'] == 'command' and packet.get('request', {}).get('command') == 'RESOURCE_UNREF':
            places.leave(packet['request']['resource_id'])
    if places.placed == 0:
        raise ValueError('nothing was placed in the heap')
    if places.live:
        raise ValueError(f'resources {sorted(places.live)} are still in the heap at the end')
    print(f'{places.placed} places in heap {places.heap}, {places.most} of them at once at most')


def main():
    try:
        check([json.loads(line) for line in sys.stdin], int(sys.argv[1]))
    except ValueError as error:
        sys.exit(f'heap_places.py: {error}')


if __name__ == '__main__':
    main()
