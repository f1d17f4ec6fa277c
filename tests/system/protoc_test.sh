#!/bin/bash
# protoc_test.sh TRACE: the file as a whole is one valid protobuf message, for stock protobuf tools.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need protoc
root=$samples/..
protoc --decode=vgpu.Trace -I "$root" "$root/format/trace/trace.proto" <"$1" >"$work/text" ||
  fail "protoc cannot decode $1"
grep -q '^chunk {' "$work/text" || fail "protoc found no chunk in $1"
