// Reads one table of a TOML file key by key. The first thing that is wrong stays, with its place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

class TomlTable {
 public:
  struct Node;  // a table of the library

  // A whole file. kUsage with line and column where it is no TOML.
  static Result<TomlTable> Parse(std::string_view text, const std::string& file);

  // Each leaves `value` as it was where there is no such key. A number's limits are inclusive.
  void Get(const char* key, std::string& value);  // never empty
  void Get(const char* key, bool& value);
  void Get(const char* key, uint64_t& value, uint64_t least, uint64_t most);
  void Get(const char* key, double& value, double least, double most);
  void Get(const char* key, std::vector<std::string>& values);
  void GetOneOf(const char* key, std::string& value, std::span<const std::string> names);
  // A string, or false, which is the empty one.
  void GetStringOrFalse(const char* key, std::optional<std::string>& value);

  bool Has(const char* key);
  // An empty one where there is none.
  TomlTable Table(const char* key);
  std::vector<TomlTable> Tables(const char* key);

  // Where the table begins, or the value of a key: "SUITE.toml:12:1".
  std::string Where() const;
  std::string Where(const char* key) const;
  // Makes it wrong: "SUITE.toml:12:8: KEY is VALUE; WHY".
  void Refuse(const char* key, std::string_view why);

  // What was wrong first here or in a table below; else whether keys are left that nobody asked
  // for.
  Status Finish();

 private:
  struct State;
  struct Value;
  TomlTable(std::shared_ptr<State> state, std::shared_ptr<const Node> node, std::string name);
  // Nothing where there is no such key.
  Value Find(const char* key);
  // Refuses a value that is of another kind.
  void WrongKind(const Value& value, std::string_view wanted);
  void Wrong(std::string message);

  std::shared_ptr<State> state_;  // of the file
  std::shared_ptr<const Node> node_;
  std::string name_;  // "[[trace]]"
  std::vector<std::string> known_;
};

}  // namespace vgpu
