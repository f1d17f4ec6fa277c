#!/bin/bash
# report_page_test.sh REPORT_FILES EDIT_TRACE: the page of `vgpu-replay verify --report`, used in a browser by real keys and a real mouse,
# light, dark and on a phone; pages of hostile text, of 1,000 frames and of 1,000 traces. With $VGPU_KEEP_SCREENSHOTS, its
# screenshots are left in that folder.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
need chromium python3
cd "$work"

# One pixel of a golden picture is another one, and its environment.
cp "$samples/traces/es2gears.vgpu" gears.vgpu
cp -r "$samples/traces/es2gears" golden
"$2" gears.vgpu edited.vgpu pixel 10 120 130 56341200
vgpu-replay golden edited.vgpu --golden edited --frames 10 >out
cp edited/frame-000010.png golden
sed -i "s/$(golden_digest golden frame-000010.png)/$(golden_digest edited frame-000010.png)/; s/\"mesa\": \".*\"/\"mesa\": \"1.2.3\"/" golden/manifest.json
expect_status 1 vgpu-replay verify gears.vgpu --golden golden --report gears.html >out
rm -r golden edited gears.vgpu edited.vgpu
mkdir pictures
for kind in expected replayed difference; do mv "gears-differences/frame-000010.$kind.png" "pictures/$kind.png"; done
rm -r gears-differences

for kind in hostile frames traces; do
  python3 "$here/results.py" "$kind" pictures >"$kind.json"
  "$1" "$kind.json" "$kind.html" "$kind.xml"
done
rm -r pictures

mkdir home
python3 "$here/report_page_use.py" home gears.html hostile.html frames.html traces.html || fail "a page is not what it should be"
[ -z "${VGPU_KEEP_SCREENSHOTS:-}" ] || cp home/*.png "$VGPU_KEEP_SCREENSHOTS"
