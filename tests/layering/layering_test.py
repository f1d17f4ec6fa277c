#!/usr/bin/env python3
"""The check itself must fail on what it forbids: plants one breach of each kind in a copy of nothing."""

import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).parent / 'check_layering.py'

BREACHES = {
    'format/protocol/a.h': ('#include "format/trace/trace_reader.h"', 'outside what this folder may include'),
    'format/trace/a.cc': ('#include <virgl/virglrenderer.h>', '(virglrenderer) may not be used here'),
    'heap/a.cc': ('#include "format/protocol/error.h"', 'outside what this folder may include'),
    'replay/device/a.cc': ('#include "capture/ring/ring.h"', 'outside what this folder may include'),
    'replay/player/a.cc': ('#include <CLI/CLI.hpp>', '(cli11) may not be used here'),
    'capture/recorder/a.cc': ('#include "replay/device/device.h"', 'outside what this folder may include'),
    'capture/vhost_user/a.cc': ('#include "replay/device/device.h"', 'outside what this folder may include'),
    'capture/shim/a.cc': ('#include <google/protobuf/message.h>', '(protobuf) may not be used here'),
    'heap/b.cc': ('int main() { std::cout << 1; }', 'writes to stdout'),
    'cli/a.cc': ('#include <unknown/library.h>', 'belongs to no library'),
    'cli/b.cc': ('#include "verb.h"', 'not named from the root'),
}


def run(root):
    done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
    return done.returncode, done.stdout


def plant(root, path, text):
    file = pathlib.Path(root) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + '\n')


def main():
    failures = 0
    for path, (text, expected) in BREACHES.items():
        with tempfile.TemporaryDirectory() as root:
            plant(root, path, text)
            code, out = run(root)
            if code != 1 or f'{path}:1:' not in out or expected not in out:
                print(f'{path} with {text!r}: expected a breach with {expected!r}, got exit {code}: {out}')
                failures += 1
    with tempfile.TemporaryDirectory() as root:
        for name in 'abc':
            plant(root, f'heap/{name}.cc', '#include <sys/mman.h>')
        code, out = run(root)
        if code != 1 or 'mmap is included in 3 files' not in out:
            print(f'three mmap users: expected a breach, got exit {code}: {out}')
            failures += 1
    with tempfile.TemporaryDirectory() as root:
        plant(root, 'cli/a.cc', '#include <vector>\n#include "replay/device/device.h"')
        code, out = run(root)
        if code != 0:
            print(f'an allowed include: expected exit 0, got {code}: {out}')
            failures += 1
    print(f'{len(BREACHES) + 2} cases, {failures} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
