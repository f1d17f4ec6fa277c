// Fills a page of HTML that shows what lies in it as JSON.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace vgpu {

// `page` with each mark replaced by its text. Marks are in it once, in the order given; a mark in a
// text is none.
std::string FillPage(std::string_view page,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> parts);

// JSON for a script element: nothing in it may end that.
std::string ScriptJson(std::string_view json);

std::string Base64(std::string_view bytes);

}  // namespace vgpu
