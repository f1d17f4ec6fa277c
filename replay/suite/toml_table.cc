// The only user of toml++.
#include "replay/suite/toml_table.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vgpu {

struct TomlTable::Node {
  const toml::table* table = nullptr;  // in the file; null: it has no such table

  const toml::node* Find(const char* key) const {
    return table == nullptr ? nullptr : table->get(key);
  }
};

struct TomlTable::State {
  std::string file;
  toml::table root;
  std::optional<std::string> wrong;

  std::string Place(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", file, region.begin.line, region.begin.column);
  }
};

struct TomlTable::Value {
  const char* key = nullptr;
  const toml::node* node = nullptr;
};

namespace {

std::string KindOf(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a point";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or a time";
  }
}

std::string Joined(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names.begin(), names.end(), ", "));
}

std::string Shown(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("'{}'", text->get());
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return KindOf(node);
}

}  // namespace

Result<TomlTable> TomlTable::Parse(std::string_view text, const std::string& file) {
  auto state = std::make_shared<State>();
  state->file = file;
  try {
    state->root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{}: is no TOML: {}", state->Place(error.source()),
                                 std::string_view(error.description())));
  }
  auto root = std::make_shared<const Node>(Node{&state->root});
  return TomlTable(std::move(state), std::move(root), "the file");
}

TomlTable::TomlTable(std::shared_ptr<State> state, std::shared_ptr<const Node> node,
                     std::string name)
    : state_(std::move(state)), node_(std::move(node)), name_(std::move(name)) {}

TomlTable::Value TomlTable::Find(const char* key) {
  known_.emplace_back(key);
  return {key, node_->Find(key)};
}

bool TomlTable::Has(const char* key) { return node_->Find(key) != nullptr; }

void TomlTable::Wrong(std::string message) {
  if (!state_->wrong) state_->wrong = std::move(message);
}

void TomlTable::WrongKind(const Value& value, std::string_view wanted) {
  Wrong(fmt::format("{}: {} is {}; it is {}", state_->Place(value.node->source()), value.key,
                    KindOf(*value.node), wanted));
}

void TomlTable::Refuse(const char* key, std::string_view why) {
  const toml::node* node = node_->Find(key);
  if (node == nullptr) return Wrong(fmt::format("{}: {} {}", Where(), key, why));
  Wrong(fmt::format("{}: {} is {}; {}", Where(key), key, Shown(*node), why));
}

void TomlTable::Get(const char* key, std::string& value) {
  const Value found = Find(key);
  if (found.node == nullptr) return;
  const auto* text = found.node->as_string();
  if (text == nullptr) return WrongKind(found, "a string");
  if (text->get().empty()) return Refuse(key, "it has to hold something");
  value = text->get();
}

void TomlTable::Get(const char* key, bool& value) {
  const Value found = Find(key);
  if (found.node == nullptr) return;
  if (const auto* truth = found.node->as_boolean()) {
    value = truth->get();
  } else {
    WrongKind(found, "true or false");
  }
}

void TomlTable::Get(const char* key, uint64_t& value, uint64_t least, uint64_t most) {
  const Value found = Find(key);
  if (found.node == nullptr) return;
  const auto* number = found.node->as_integer();
  if (number == nullptr) {
    return WrongKind(found, fmt::format("a whole number from {} to {}", least, most));
  }
  const bool fits = number->get() >= 0 && static_cast<uint64_t>(number->get()) >= least &&
                    static_cast<uint64_t>(number->get()) <= most;
  if (!fits) return Refuse(key, fmt::format("it is from {} to {}", least, most));
  value = static_cast<uint64_t>(number->get());
}

void TomlTable::Get(const char* key, double& value, double least, double most) {
  const Value found = Find(key);
  if (found.node == nullptr) return;
  const std::optional<double> number = found.node->value<double>();
  if (!found.node->is_number() || !number) {
    return WrongKind(found, fmt::format("a number from {} to {}", least, most));
  }
  // What is no number compares as false.
  if (!(*number >= least && *number <= most)) {
    return Refuse(key, fmt::format("it is from {} to {}", least, most));
  }
  value = *number;
}

void TomlTable::Get(const char* key, std::vector<std::string>& values) {
  const Value found = Find(key);
  if (found.node == nullptr) return;
  const auto* array = found.node->as_array();
  const bool are_strings =
      array != nullptr && std::all_of(array->begin(), array->end(), [](const toml::node& one) {
        return one.is_string() && !one.as_string()->get().empty();
      });
  if (!are_strings) {
    Wrong(fmt::format("{}: {} is {}; it is an array of strings, none of them empty", Where(key),
                      key, array == nullptr ? KindOf(*found.node) : "another array"));
    return;
  }
  values.clear();
  for (const toml::node& one : *array) values.push_back(one.as_string()->get());
}

void TomlTable::GetOneOf(const char* key, std::string& value, std::span<const std::string> names) {
  std::string given = value;
  Get(key, given);
  const bool was_given = Has(key) && node_->Find(key)->is_string();
  if (was_given && std::ranges::find(names, given) == names.end()) {
    return Refuse(key, "it is one of " + Joined(names));
  }
  value = given;
}

void TomlTable::GetStringOrFalse(const char* key, std::optional<std::string>& value) {
  if (Has(key) && node_->Find(key)->is_boolean()) {
    bool truth = false;
    Get(key, truth);
    if (truth) return Refuse(key, "it is a string, or false");
    value = "";
    return;
  }
  std::string text;
  Get(key, text);
  if (!text.empty()) value = text;
}

TomlTable TomlTable::Table(const char* key) {
  const Value found = Find(key);
  const toml::table* table = found.node == nullptr ? nullptr : found.node->as_table();
  if (found.node != nullptr && table == nullptr) WrongKind(found, "a table");
  return TomlTable(state_, std::make_shared<const Node>(Node{table}), fmt::format("[{}]", key));
}

std::vector<TomlTable> TomlTable::Tables(const char* key) {
  std::vector<TomlTable> tables;
  const Value found = Find(key);
  if (found.node == nullptr) return tables;
  const auto* array = found.node->as_array();
  if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
    WrongKind(found, fmt::format("an array of tables: each begins with [[{}]]", key));
    return tables;
  }
  for (const toml::node& one : *array) {
    tables.push_back(TomlTable(state_, std::make_shared<const Node>(Node{one.as_table()}),
                               fmt::format("[[{}]]", key)));
  }
  return tables;
}

std::string TomlTable::Where() const {
  return node_->table == nullptr ? state_->file : state_->Place(node_->table->source());
}

std::string TomlTable::Where(const char* key) const {
  const toml::node* node = node_->Find(key);
  return node == nullptr ? Where() : state_->Place(node->source());
}

Status TomlTable::Finish() {
  if (node_->table != nullptr) {
    for (const auto& [key, node] : *node_->table) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      Wrong(fmt::format("{}: {} has the key '{}'; its keys are {}", state_->Place(key.source()),
                        name_, key.str(), Joined(known_)));
      break;
    }
  }
  if (state_->wrong) return MakeError(ErrorCode::kUsage, *state_->wrong);
  return {};
}

}  // namespace vgpu
