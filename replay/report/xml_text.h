// Text of a trace, made fit for XML: it is any bytes.
#pragma once

#include <string>
#include <string_view>

namespace vgpu {

// For the content of an element. U+FFFD stands for what XML 1.0 forbids: most control characters,
// U+FFFE, U+FFFF, and bytes that are not UTF-8.
std::string XmlText(std::string_view text);

// For an attribute in double quotes, line breaks and tabs kept.
std::string XmlAttribute(std::string_view text);

}  // namespace vgpu
