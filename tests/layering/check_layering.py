#!/usr/bin/env python3
"""Checks every include of the tree against rules.json. Exit 1 and one line for each breach."""

import collections
import json
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STDOUT = re.compile(r'\bstd::cout\b|\bstdout\b|(?<![\w:])printf\s*\(|\bfmt::print\s*\(\s*"|\bputs\s*\(')


def library_of(header, headers):
    """The library that a <header> belongs to; longest prefix wins. Extensionless is the standard library."""
    best = max(((prefix, name) for name, prefixes in headers.items() for prefix in prefixes if header.startswith(prefix)),
               key=lambda match: len(match[0]), default=None)
    if best:
        return best[1]
    return 'std' if '.' not in header else None


def folder_rule(path, folders):
    matching = [f for f in folders if path == f or path.startswith(f + '/')]
    return folders[max(matching, key=len)] if matching else None


def check_file(root, path, rules, used):
    breaches = []
    rule = folder_rule(path, rules['folders'])
    if rule is None:
        return [f'{path}:1: no rule in rules.json covers this file']
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            kind, header = match.groups()
            if kind == '"':
                if '/' in header and not any(header.startswith(p + '/') for p in rule['project']):
                    breaches.append(f'{path}:{number}: "{header}" is outside what this folder may include: {", ".join(rule["project"])}')
                elif '/' not in header:
                    breaches.append(f'{path}:{number}: "{header}" is not named from the root of the tree')
                continue
            library = library_of(header, rules['headers'])
            if library is None:
                breaches.append(f'{path}:{number}: <{header}> belongs to no library of rules.json')
            elif library not in rule['libraries']:
                breaches.append(f'{path}:{number}: <{header}> ({library}) may not be used here; allowed: {", ".join(rule["libraries"])}')
            else:
                used[(library, path.split('/')[0])].add(path)
        elif STDOUT.search(line.split('//')[0]) and path.split('/')[0] not in rules['stdout_only_in']:
            breaches.append(f'{path}:{number}: writes to stdout; only {", ".join(rules["stdout_only_in"])}/ may')
    return breaches


def main():
    root = pathlib.Path(sys.argv[1])
    rules = json.loads((pathlib.Path(__file__).parent / 'rules.json').read_text())
    used = collections.defaultdict(set)
    breaches = []
    files = sorted(str(p.relative_to(root)) for top in ('format', 'heap', 'replay', 'capture', 'cli')
                   for p in (root / top).rglob('*') if p.suffix in ('.h', '.cc', '.c', '.def', '.inc'))
    for path in files:
        breaches += check_file(root, path, rules, used)
    for library, limits in rules['files'].items():
        for top, limit in limits.items():
            users = used[(library, top)]
            if len(users) > limit:
                breaches.append(f'{top}: {library} is included in {len(users)} files, the limit is {limit}: {", ".join(sorted(users))}')
    for breach in breaches:
        print(breach)
    print(f'{len(files)} files checked, {len(breaches)} breaches')
    return 1 if breaches or not files else 0


if __name__ == '__main__':
    sys.exit(main())
