#!/bin/bash
# install_test.sh BUILD_FOLDER: what is installed works from where it is installed, with its own
# preload library, and brings its manual pages and completion.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glxgears
prefix=$work/prefix
cmake --install "$1" --prefix "$prefix" >"$work/log" || { cat "$work/log"; fail "cmake --install failed"; }
PATH="$prefix/bin:$PATH"
start_display

# shellcheck disable=SC2016
library=$(vgpu-capture run -o "$work/none.vgpu" -- sh -c 'echo "$LD_PRELOAD"' 2>/dev/null) || true
[[ $library == "$prefix"/* ]] || fail "the installed vgpu-capture preloads '$library', which is not below $prefix"
for program in vgpu-capture vgpu-replay; do
  for file in "share/man/man1/$program.1" "share/bash-completion/completions/$program"; do
    [ -s "$prefix/$file" ] || fail "$file is not installed"
  done
done

backend=$prefix/libexec/vgpu/vhost-user-gpu
"$backend" --print-capabilities | grep -q '"type": "gpu"' || fail "$backend is no back-end of QEMU's kind"
grep -q "\"binary\": \"$backend\"" "$prefix/share/qemu/vhost-user/60-vgpu.json" || fail "QEMU's registry does not name $backend"

expect_status 124 vgpu-capture app --frames 0-9 -o "$work/installed.vgpu" -- timeout 2 glxgears
verify "$work/installed.vgpu"
