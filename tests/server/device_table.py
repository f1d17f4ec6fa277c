#!/usr/bin/env python3
"""docs/DEVICE.md's tables: the tests that cover each response of each command, and those that send what means harm.

device_table.py ROOT           checks that the tables there are those that the tests make, and that no response lacks a test;
                               exit 1 and one line for each breach
device_table.py ROOT --write   puts the tables into the document

The commands are those of format/protocol/virtio_gpu.def, their errors those of replay/device/errors.def. What a test covers is
what it says itself in COVERS lines at its start; it fails where it has not seen the response (tests/server/served_guest_fixture.h).
What a test of hostile_*_test.cc is against is the last comment before it that says so.
"""

import pathlib
import re
import sys

BEGIN = '<!-- Made by tests/server/device_table.py --write from the tests. -->'
END = '<!-- The end of what is made. -->'
DOCUMENT = 'docs/DEVICE.md'
TESTS = 'tests/server'

COMMAND = re.compile(r'^VGPU_COMMAND\((\w+), \w+, (\w+), (\w+), \w+, (\w+), \w+\)', re.M)
ERROR = re.compile(r'^VGPU_ERROR\((\w+),\s*(\w+),\s*((?:"[^"]*"\s*)+)\)', re.M)
ERROR_OF_ALL = re.compile(r'^VGPU_ERROR_OF_ALL\((\w+),\s*((?:"[^"]*"\s*)+)\)', re.M)
TEST = re.compile(r'^TEST_F\((\w+),\s*(\w+)\) \{\n(.*?)^\}', re.M | re.S)
AGAINST = re.compile(r'^// Against (.*?)[.:]|^TEST_[FP]\((\w+),\s*(\w+)\)', re.M)
COVERS = re.compile(r'^  COVERS\((\w+), (\w+)\);$')
COVERS_ALL = re.compile(r'^  COVERS_ALL\((\w+)\);$')
ALL = 'every command'


def text_of(strings):
    return ''.join(re.findall(r'"([^"]*)"', strings))


def read_rows(root):
    """(command, response, when) of each response that is documented, in the order of the table."""
    errors = (root / 'replay/device/errors.def').read_text()
    of_command = [(command, response, text_of(when)) for command, response, when in ERROR.findall(errors)]
    rows = [(ALL, response, text_of(when)) for response, when in ERROR_OF_ALL.findall(errors)]
    commands = COMMAND.findall((root / 'format/protocol/virtio_gpu.def').read_text())
    for name, _, _, ok in commands:
        rows.append((name, ok, ''))
        rows += [row for row in of_command if row[0] == name]
    unknown = {row[0] for row in of_command} - {name for name, _, _, _ in commands}
    return rows, [f'replay/device/errors.def: {name} is no command' for name in sorted(unknown)]


def claims_of(body):
    """What a test covers, and how many COVERS of its body are not at its start, where they would not always be reached."""
    claims = []
    for line in body.splitlines():
        if match := COVERS.match(line):
            claims.append(match.groups())
        elif match := COVERS_ALL.match(line):
            claims.append((ALL, match[1]))
        else:
            break
    return claims, body.count('COVERS') - len(claims)


def read_claims(root):
    """{(command, response): [(test, whether it may be skipped)]}, and breaches."""
    covered, breaches = {}, []
    built = (root / TESTS / 'CMakeLists.txt').read_text().split()
    for path in sorted((root / TESTS).glob('*_test.cc')):
        source = path.read_text()
        inside = 0
        if path.name not in built:
            breaches.append(f'{TESTS}/{path.name} is not built')
        if re.search(r'^\s*#\s*if', source, re.M) or 'DISABLED_' in source:
            breaches.append(f'{TESTS}/{path.name} has tests that are not always built or run')
        for fixture, name, body in TEST.findall(source):
            claims, late = claims_of(body)
            inside += len(claims)
            if late:
                breaches.append(f'{fixture}.{name}: {late} COVERS are not at its start')
                inside += late
            for claim in claims:
                covered.setdefault(claim, []).append((f'{fixture}.{name}', 'GTEST_SKIP' in body))
        if source.count('COVERS') != inside:
            breaches.append(f'{TESTS}/{path.name}: {source.count("COVERS") - inside} COVERS are in no test')
    return covered, breaches


def gaps(rows, covered):
    documented = {(command, response) for command, response, _ in rows}
    for command, response, _ in rows:
        tests = covered.get((command, response), [])
        if not tests:
            yield f'{command} {response}: no test covers it'
        elif all(skipped for _, skipped in tests):
            yield f'{command} {response}: only tests that are skipped without GL cover it'
    for (command, response), tests in covered.items():
        if (command, response) not in documented:
            yield f'{tests[0][0]} covers {command} {response}, which is not in replay/device/errors.def'


def read_against(root):
    """[(what, [test])] of the hostile tests, and breaches."""
    rows, breaches = [], []
    for path in sorted((root / TESTS).glob('hostile_*_test.cc')):
        what = None
        for title, fixture, name in AGAINST.findall(path.read_text()):
            if title:
                what = title
                rows.append((what, []))
            elif what is None:
                breaches.append(f'{fixture}.{name} does not say what it is against')
            else:
                rows[-1][1].append(f'{fixture}.{name}')
    return rows, breaches + [f'no test is against {what}' for what, tests in rows if not tests]


def tables(rows, covered, against):
    lines = ['| command | response | when | tests |', '|---|---|---|---|']
    before = None
    for command, response, when in rows:
        tests = ', '.join(f'{name}{"*" if skipped else ""}' for name, skipped in covered.get((command, response), []))
        lines.append(f'| {command if command != before else ""} | {response} | {when or "all is well"} | {tests} |')
        before = command
    lines += ['', 'A guest that means harm:', '', '| against | tests |', '|---|---|']
    lines += [f'| {what} | {", ".join(tests)} |' for what, tests in against]
    return '\n'.join([BEGIN, '', *lines, '', END])


def main():
    root = pathlib.Path(sys.argv[1])
    rows, breaches = read_rows(root)
    covered, more = read_claims(root)
    against, unsaid = read_against(root)
    breaches += more + unsaid + list(gaps(rows, covered))
    document = root / DOCUMENT
    before = document.read_text()
    if BEGIN not in before or END not in before:
        breaches.append(f'{DOCUMENT} has no place for the tables: {BEGIN} ... {END}')
    else:
        head, rest = before.split(BEGIN, 1)
        after = head + tables(rows, covered, against) + rest.split(END, 1)[1]
        if '--write' in sys.argv:
            document.write_text(after)
        elif after != before:
            breaches.append(f'{DOCUMENT}: the tables are not what the tests make; tests/server/device_table.py . --write renews it')
    for breach in breaches:
        print(breach)
    print(f'{len(rows)} responses, {sum(map(len, covered.values()))} claims of tests, {len(breaches)} breaches')
    return 1 if breaches or not rows else 0


if __name__ == '__main__':
    sys.exit(main())
