#!/usr/bin/env python3
"""device_table.py must fail on what it forbids: plants one breach of each kind in a tree of two commands."""

import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).parent / 'device_table.py'

BEGIN = '<!-- Made by tests/server/device_table.py --write from the tests. -->'
END = '<!-- The end of what is made. -->'
TREE = {
    'format/protocol/virtio_gpu.def': 'VGPU_COMMAND(ONE, 0x1, control, kBase, A, OK_NODATA, kNone)\n'
                                      'VGPU_COMMAND(TWO, 0x2, control, kVirgl, B, OK_EDID, kNone)\n',
    'replay/device/errors.def': 'VGPU_ERROR_OF_ALL(ERR_UNSPEC, "always")\nVGPU_ERROR(TWO, ERR_X,\n           "one, "\n           "two")\n',
    'tests/server/CMakeLists.txt': 'SOURCES a_test.cc hostile_x_test.cc\n',
    'tests/server/hostile_x_test.cc': '// Against all. More.\nTEST_F(T, H) {\n}\nTEST_P(T, P) {\n}\n',
    'tests/server/a_test.cc': 'TEST_F(T, A) {\n  COVERS_ALL(ERR_UNSPEC);\n  COVERS(ONE, OK_NODATA);\n  COVERS(TWO, OK_EDID);\n'
                              '  COVERS(TWO, ERR_X);\n  Run();\n}\n',
    'docs/DEVICE.md': f'# Head\n\n{BEGIN}\n{END}\n\ntail\n',
}

# file, what to replace, by what, and the words of the breach.
BREACHES = [
    ('tests/server/a_test.cc', '  COVERS(ONE, OK_NODATA);\n', '', 'ONE OK_NODATA: no test covers it'),
    ('tests/server/a_test.cc', '  COVERS(TWO, ERR_X);\n', '', 'TWO ERR_X: no test covers it'),
    ('tests/server/a_test.cc', '  COVERS_ALL(ERR_UNSPEC);\n', '', 'every command ERR_UNSPEC: no test covers it'),
    ('tests/server/a_test.cc', '  COVERS(TWO, ERR_X);\n', '  // COVERS(TWO, ERR_X);\n', 'TWO ERR_X: no test covers it'),
    ('tests/server/a_test.cc', 'Run();\n', 'Run();\n  COVERS(ONE, OK_NODATA);\n', 'T.A: 1 COVERS are not at its start'),
    ('tests/server/a_test.cc', 'Run()', 'GTEST_SKIP()', 'only tests that are skipped without GL cover it'),
    ('tests/server/a_test.cc', 'TEST_F(T, A)', 'TEST_F(T, DISABLED_A)', 'not always built or run'),
    ('tests/server/a_test.cc', 'TEST_F(T, A)', 'void A()', '4 COVERS are in no test'),
    ('tests/server/CMakeLists.txt', 'a_test.cc', 'b_test.cc', 'a_test.cc is not built'),
    ('replay/device/errors.def', 'ERR_X', 'ERR_Y', 'T.A covers TWO ERR_X, which is not in replay/device/errors.def'),
    ('replay/device/errors.def', 'TWO', 'THREE', 'THREE is no command'),
    ('tests/server/hostile_x_test.cc', '// Against all', '// For all', 'T.H does not say what it is against'),
    ('tests/server/hostile_x_test.cc', '// Against', '// Against none.\n// Against', 'no test is against none'),
    ('docs/DEVICE.md', '| one, two |', '| one |', 'the tables are not what the tests make'),
    ('docs/DEVICE.md', BEGIN, '', 'has no place for the tables'),
]


def run(root, *options):
    done = subprocess.run([sys.executable, SCRIPT, root, *options], capture_output=True, text=True)
    return done.returncode, done.stdout


def plant(root):
    for path, text in TREE.items():
        file = pathlib.Path(root) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def main():
    failures = 0
    for path, old, new, expected in BREACHES:
        with tempfile.TemporaryDirectory() as root:
            plant(root)
            written = run(root, '--write')
            file = pathlib.Path(root) / path
            before = file.read_text()
            file.write_text(before.replace(old, new, 1))
            code, out = run(root)
            if written[0] != 0 or old not in before or code != 1 or expected not in out:
                print(f'{path} with {new!r}: expected {expected!r}, got exit {code}: {out}{written[1]}')
                failures += 1
    with tempfile.TemporaryDirectory() as root:
        plant(root)
        run(root, '--write')
        code, out = run(root)
        text = (pathlib.Path(root) / 'docs/DEVICE.md').read_text()
        if code != 0 or '| ERR_X | one, two | T.A |' not in text or '| all | T.H, T.P |' not in text or \
                not text.endswith('\n\ntail\n'):
            print(f'a whole tree: expected exit 0 and its table, got exit {code}: {out}{text}')
            failures += 1
    print(f'{len(BREACHES) + 1} cases, {failures} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
