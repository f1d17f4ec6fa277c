#!/bin/bash
# junit_test.sh REPORT_FILES PLANT_LIBRARY: the JUnit XML of real replays (a pass, a difference, a crash, a file that is no
# trace) and of hostile text is what junit.xsd says that GitLab and Jenkins read, and its counts are true.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
report_files=$1
plant_library=$2
need xmllint python3 convert
cd "$work"

# check FILE SUMMARY: valid, and the kinds of its cases are these, in this order.
check() {
  xmllint --noout --nonet --schema "$here/junit.xsd" "$1" 2>"$work/log" || { cat "$work/log"; fail "$1 is no JUnit XML"; }
  python3 - "$1" "$2" <<'PYTHON' || fail "$1 does not hold what was replayed"
import sys
import xml.etree.ElementTree
root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
kinds = []
for suite in root:
    outcomes = [one.tag for case in suite.iter('testcase') for one in case if one.tag != 'system-out']
    for tag, attribute in (('failure', 'failures'), ('error', 'errors'), ('skipped', 'skipped')):
        if int(suite.get(attribute)) != outcomes.count(tag):
            sys.exit(f'{suite.get("name")}: {attribute} is {suite.get(attribute)}, but there are {outcomes}')
    kinds += outcomes or ['passed']
for tag, attribute in (('failure', 'failures'), ('error', 'errors')):
    if int(root.get(attribute)) != kinds.count(tag):
        sys.exit(f'{attribute} is {root.get(attribute)}, but there are {kinds}')
if int(root.get('tests')) != len(kinds) or ' '.join(kinds) != sys.argv[2]:
    sys.exit(f'{root.get("tests")} tests: {kinds}')
PYTHON
}

has() {
  grep -qF -- "$2" "$1" || { cat "$1"; fail "$1 does not say '$2'"; }
}

cp "$samples/traces/es2gears.vgpu" gears.vgpu
# A file is replaced as a whole, a link is written into.
ln -s pass.xml link
echo old >pass.html
expect_status 0 vgpu-replay verify gears.vgpu --junit link --report pass.html >out
check pass.xml passed
[ -L link ] || fail "a link was replaced"
[ "$(head -c 15 pass.html)" = "<!doctype html>" ] || fail "the old file was not replaced"
[ -z "$(find . -name '*.part')" ] || fail "a part of a file is left"

cp -r "$samples/traces/es2gears" golden
# What is expected at frame 10 is the picture of frame 0.
cp golden/frame-000000.png golden/frame-000010.png
first=$(golden_digest golden frame-000000.png)
sed -i "s/$(golden_digest golden frame-000010.png)/$first/; s/\"mesa\": \".*\"/\"mesa\": \"1.2.3\"/" golden/manifest.json
expect_status 1 vgpu-replay verify gears.vgpu --golden golden --junit fail.xml >out
check fail.xml failure
has fail.xml "frame 10 (command 74, scanout 0, resource 1): differs in 5985 of 90000 pixels"
has fail.xml "Mesa: '1.2.3', here"
has fail.xml '[[ATTACHMENT|gears-differences/frame-000010.difference.png]]'
has fail.xml "  vgpu-replay verify gears.vgpu --golden golden"
[ -s gears-differences/frame-000010.difference.png ] || fail "the picture that the file names is not there"

# A page shows more frames than are kept without one.
vgpu-replay golden gears.vgpu --golden all --every 1 >out
for frame in all/frame-*.png; do cmp -s all/frame-000000.png "$frame" || cp all/frame-000000.png "$frame"; done
sed -i "/\"digest\": .*,\$/s/\"[0-9a-f]*\",/\"$first\",/" all/manifest.json  # a comma follows those of frames
expect_status 1 vgpu-replay verify gears.vgpu --golden all --report many.html --junit many.xml >out
check many.xml failure
differences=$(sed -n 's/.*"differences" value="\([0-9]*\)".*/\1/p' many.xml)
kept=$(find gears-differences -name '*.difference.png' | wc -l)
if [ "$kept" -le 16 ] || [ "$kept" -ne "$differences" ]; then fail "$kept of $differences frames that differ have pictures"; fi

status=0
VGPU_PLANT=crash:9 LD_PRELOAD=$plant_library vgpu-replay verify gears.vgpu --junit crash.xml --report crash.html >out 2>&1 || status=$?
[ "$status" -eq 4 ] || { cat out; fail "the replay that crashes ended with exit status $status"; }
check crash.xml error
has crash.xml SUBMIT_3D
has crash.html SUBMIT_3D

echo "no trace" >none.vgpu
expect_status 3 vgpu-replay verify none.vgpu --junit none.xml --report none.html 2>out
check none.xml error
why=$(sed -n 's/^vgpu-replay: //p' out)
[ -n "$why" ] || { cat out; fail "verify does not say why it cannot read a file"; }
has none.html "$why"
has none.xml "$why"
expect_status 3 vgpu-replay verify gears.vgpu --golden nowhere --junit nowhere.xml 2>out
check nowhere.xml error

# A folder that is not there is known before the replay.
expect_status 2 vgpu-replay verify gears.vgpu --junit nowhere/j.xml 2>out >&2
has out "nowhere/j.xml: cannot be written: nowhere: No such file or directory"
expect_status 2 vgpu-replay verify gears.vgpu --report . 2>out >&2

for kind in hostile statuses; do
  python3 "$here/results.py" "$kind" . >"$kind.json"
  "$report_files" "$kind.json" "$kind.html" "$kind.xml"
done
check hostile.xml failure
if grep -F '[[ATTACHMENT|' hostile.xml; then fail "a trace named a file for the engine to fetch"; fi
check statuses.xml "passed failure error skipped skipped failure flakyFailure"
