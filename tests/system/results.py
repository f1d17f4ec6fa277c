#!/usr/bin/env python3
"""Results of suites that nobody ran, for what shows results: results.py KIND PICTURES, to stdout.

KIND: hostile, statuses, frames, traces. PICTURES: a folder with expected.png, replayed.png and difference.png, of which each differing
frame gets files of its own.
"""

import json
import os
import sys

MARKUP = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 1">'
CONTROL = ''.join(map(chr, range(1, 32))) + '\x7f\x9b\u202e\ufffe\uffff]]>&amp;'
STATUSES = ('passed', 'failed', 'error', 'skipped', 'expected failure', 'unexpected pass', 'flaky')
ENVIRONMENT = {'gl_vendor': 'Mesa', 'gl_renderer': 'llvmpipe', 'gl_version': '4.5', 'mesa': '22.3.6', 'renderer': 'virglrenderer 0.10.4', 'library': '',
               'vgpu': '0.1.0'}


def frame(number, status='same', differing=0, **more):
    return {'frame': number, 'scanout': 0, 'width': 300, 'height': 300, 'status': status, 'tier': 'pixels' if differing else 'hash',
            'golden': True, 'differing_pixels': differing, 'pixels': 90000, 'largest_difference': 9 if differing else 0,
            'message': f'frame {number}: differs in {differing} of 90000 pixels' if differing else '', 'expected': '', 'replayed': '',
            'difference': '', **more}


def differing_frame(number, differing, pictures, name):
    files = {}
    for kind in ('expected', 'replayed', 'difference'):
        files[kind] = f'{pictures}/{name}-{number}.{kind}.png'
        os.link(f'{pictures}/{kind}.png', files[kind])
    return frame(number, 'different', differing, **files)


def trace(name, status='passed', frames=(), **more):
    return {'name': name, 'trace': f'traces/{name}.vgpu', 'digest': 'd016b66577153f432a2e61fed242c45f', 'status': status,
            'message': '' if status == 'passed' else f'a reason for {status}', 'last_output': '', 'exit_code': 0, 'attempts': 1,
            'seconds': 1.25, 'commands': 171, 'frames': list(frames), 'differences': [], 'difference_count': 0, 'notes': [],
            'environment': ENVIRONMENT, 'golden': '', 'profile': '', 'environment_changes': [],
            'reproduce': f'vgpu-replay verify traces/{name}.vgpu', **more}


def hostile():
    text = MARKUP + CONTROL + '[[ATTACHMENT|/etc/passwd]]'
    frames = [frame(0, 'different', 5, message=text, expected=text, replayed=text, difference=text)]
    return trace(text, 'failed', frames, message=text, last_output=text, differences=[text], notes=[text, '\n[[ATTACHMENT|/etc/passwd]]\n'],
                 environment={key: text for key in ENVIRONMENT}, golden=text, profile=text, environment_changes=[text], reproduce=text)


def traces_of(kind, pictures):
    if kind == 'hostile':
        return [hostile()]
    if kind == 'statuses':
        return [trace('trace ' + status, status) for status in STATUSES]
    if kind == 'frames':
        frames = [differing_frame(i, i * 20, pictures, 'many') if i % 3 == 1 else frame(i) for i in range(1000)]
        return [trace('many', 'failed', frames)]
    return [trace(f'trace-{i:04}', 'failed', [differing_frame(j, j + i, pictures, f't{i}') if j == 4 else frame(j) for j in range(10)])
            if i % 7 == 0 else trace(f'trace-{i:04}', frames=[frame(j) for j in range(10)]) for i in range(1000)]


def main():
    kind, pictures = sys.argv[1:]
    traces = traces_of(kind, pictures)
    json.dump({'version': 1, 'name': MARKUP if kind == 'hostile' else 'samples', 'started': '2026-11-27T12:00:00Z', 'seconds': 12.5, 'shard': 0,
               'shards': 1, 'traces': traces}, sys.stdout)


if __name__ == '__main__':
    main()
