// Text of a guest or a trace, made fit to be shown or stored: it is any bytes, and may be made to
// steer a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vgpu {

// The length of the UTF-8 character that `text`, which is not empty, begins with, or 0 where it
// begins with none: overlong forms, surrogates and values above U+10FFFF are none.
std::size_t Utf8CharacterLength(std::string_view text);

bool IsUtf8(std::string_view text);

// `text` with U+FFFD for each byte that is no part of a UTF-8 character.
std::string ReplaceInvalidUtf8(std::string_view text);

// `text` in one line that no terminal acts on: control characters, those that turn the direction of
// writing, and bytes that are not UTF-8 as \xNN, a byte each. For people, not to be read back.
std::string EscapeForTerminal(std::string_view text);

}  // namespace vgpu
