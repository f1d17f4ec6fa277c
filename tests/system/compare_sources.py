#!/usr/bin/env python3
"""Compares what the preload library and our device recorded of the same guest program.

    compare_sources.py SHIM.json DEVICE.json CONTEXT_NAME

The two are `vgpu-replay dump --json --data` of their traces. From the creation of the context of that name to its
end both must hold the same commands, as far as both can see them; prints what only the device saw.
"""

import json
import sys

# What the VMM answers by itself, and what it makes no call for: the shim cannot see these.
DEVICE_ONLY = {'GET_DISPLAY_INFO', 'GET_EDID', 'MOVE_CURSOR'}
# The VMM makes 3D calls of these.
AS_3D = {'RESOURCE_CREATE_2D': 'RESOURCE_CREATE_3D', 'TRANSFER_TO_HOST_2D': 'TRANSFER_TO_HOST_3D'}
# Where the memory lies is another at each boot; which number a fence has depends on what came before.
UNSTABLE = {'fence', 'entries', 'nr_entries'}


def load(path):
    with open(path, encoding='utf-8') as lines:
        return [packet for packet in map(json.loads, lines) if packet['packet'] == 'command']


def common(command):
    """A command as both sources can tell of it."""
    request = command['request']
    name = request['command']
    seen = {key: value for key, value in request.items() if key not in UNSTABLE}
    seen['fenced'] = 'fence' in request
    if 'entries' in request:
        seen['bytes'] = sum(entry['length'] for entry in request['entries'])
    if name in AS_3D:
        seen = {'command': AS_3D[name], 'resource_id': request['resource_id']}
    elif name in AS_3D.values() and request.get('ctx', 0) == 0 and name.startswith('TRANSFER'):
        seen = {'command': name, 'resource_id': request['resource_id']}
    return seen, command['response'].get('response')


def taken_for_a_flush(of_shim, of_device):
    """A scanout that is disabled makes no call: to the shim it looks like a flush of what was shown."""
    disables = of_device[0]['command'] == 'SET_SCANOUT' and of_device[0]['resource_id'] == 0
    return disables and of_shim[0]['command'] == 'RESOURCE_FLUSH'


def program(commands, name):
    """The commands from the creation of the context to its end."""
    begin = next((i for i, c in enumerate(commands) if c['request'].get('debug_name') == name), None)
    if begin is None:
        sys.exit(f'compare_sources: no context is called {name}')
    context = commands[begin]['request']['ctx']
    for end in range(begin, len(commands)):
        request = commands[end]['request']
        if request['command'] == 'CTX_DESTROY' and request['ctx'] == context:
            return commands[begin:end + 1]
    sys.exit(f'compare_sources: the context {name} never ends')


def in_order(commands):
    """Without what the guest's driver does when it comes to it: a worker of its own frees resources. A VMM
    lets go of their backing before that, by a call that no guest asked for."""
    for command, after in zip(commands, commands[1:] + [None]):
        request = command['request']
        part_of_unref = after is not None and after['request']['command'] == 'RESOURCE_UNREF' and \
            after['request']['resource_id'] == request.get('resource_id')
        if request['command'] == 'RESOURCE_UNREF' or \
                request['command'] == 'RESOURCE_DETACH_BACKING' and part_of_unref:
            continue
        yield command


def freed(commands):
    return [c['request']['resource_id'] for c in commands if c['request']['command'] == 'RESOURCE_UNREF']


def main():
    shim_path, device_path, name = sys.argv[1:]
    shim, device = load(shim_path), load(device_path)
    by_shim = [common(c) for c in in_order(program(shim, name))]
    by_device = [common(c) for c in in_order(program(device, name)) if c['request']['command'] not in DEVICE_ONLY]
    for number, (of_shim, of_device) in enumerate(zip(by_shim, by_device)):
        if of_shim != of_device and not taken_for_a_flush(of_shim, of_device):
            sys.exit(f'compare_sources: command {number} of {name} differs:\n'
                     f'  shim   {json.dumps(of_shim)[:800]}\n  device {json.dumps(of_device)[:800]}')
    if sorted(freed(shim)) != sorted(freed(device)):
        sys.exit(f'compare_sources: the shim saw {freed(shim)} freed, the device {freed(device)}')
    if len(by_shim) != len(by_device):
        sys.exit(f'compare_sources: {name} is {len(by_shim)} commands to the shim, {len(by_device)} to the device')
    if not any(seen['command'] == 'SUBMIT_3D' for seen, _ in by_shim):
        sys.exit(f'compare_sources: {name} submitted nothing')
    print(f'{name}: the same {len(by_shim)} commands')
    shim_names = {c['request']['command'] for c in shim}
    print('seen by the device alone:', ', '.join(sorted({c['request']['command'] for c in device} - shim_names)))
    print('flushes: inferred by the shim', sum(c['inferred'] for c in shim if c['request']['command'] == 'RESOURCE_FLUSH'),
          'seen by the device', sum(not c['inferred'] for c in device if c['request']['command'] == 'RESOURCE_FLUSH'))


if __name__ == '__main__':
    main()
