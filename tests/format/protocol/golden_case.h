// One file a case: what goes in, and the text and JSON that must come out.
//
//   # what the case is about
//   request | response | response_to_NAME | stream      the last: dwords, wrapped into a SUBMIT_3D
//   of context 1 hex bytes, or dwords of a stream, in any grouping
//   --- text
//   ...
//   --- json
//   ...
//
// VGPU_UPDATE_GOLDENS=1 in the test's environment rewrites the expected parts.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace vgpu {

struct GoldenCase {
  std::string head;  // the input part, as it is in the file
  std::string kind;
  std::vector<std::byte> bytes;
  std::string text, json;
};

// The .txt files of a folder, sorted.
std::vector<std::filesystem::path> GoldenCases(const std::filesystem::path& folder);
GoldenCase ReadGoldenCase(const std::filesystem::path& path);
void WriteGoldenCase(const std::filesystem::path& path, const GoldenCase& golden,
                     const std::string& text, const std::string& json);

}  // namespace vgpu
