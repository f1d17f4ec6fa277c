// What a golden set is made of: DIR/manifest.json and the pictures beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "format/protocol/error.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/tolerance.h"

namespace vgpu {

// What the pictures were made with.
struct GoldenEnvironment {
  std::string gl_vendor, gl_renderer, gl_version;
  std::string mesa;       // "22.3.6", from the GL version; empty where that is no Mesa
  std::string renderer;   // "virglrenderer 0.10.4"
  std::string vgpu;       // our version
  std::string library{};  // RendererInfo::library; empty in sets that are older than it
};

struct GoldenFrame {
  uint64_t number = 0;
  uint32_t scanout = 0;
  uint32_t width = 0, height = 0;
  std::string digest;  // XXH3-128 of the RGBA rows, hex
  std::string file;    // its place in the set's folder
};

// Whose pictures stand in the folder itself, and what the one profile of a set of version 1 is
// called. Those of another one stand in a folder of its name.
inline constexpr std::string_view kDefaultProfile = "default";

// The pictures of one environment.
struct GoldenProfile {
  std::string name{kDefaultProfile};
  GoldenEnvironment environment;
  std::string trace_name;
  std::string trace_digest;         // XXH3-128 of the whole file, hex
  Tolerance tolerance;              // what `verify` allows unless told otherwise
  IgnoredParts ignored;             // files: their places in the set's folder
  std::vector<GoldenFrame> frames;  // by number, ascending
};

struct GoldenManifest {
  std::vector<GoldenProfile> profiles;  // one at least; each of a name of its own

  const GoldenProfile* Find(std::string_view name) const;  // null: there is none
  std::string Names() const;                               // "llvmpipe, nvidia"
};

// A name of letters, digits, '-', '_' and '.', at most 64, which starts with no '.' and does not
// end like a file of a set: in .json, .part or .png.
bool IsProfileName(std::string_view name);

// kUnreadable: no such file, not JSON, a field that is missing or of the wrong kind, a newer
// version, a number out of range, a file name that leaves the folder or is no picture's, a profile
// without frames or with frames that do not ascend, two profiles of one name, too large.
Result<GoldenManifest> ReadManifest(const std::filesystem::path& folder);
Status WriteManifest(const std::filesystem::path& folder, const GoldenManifest& manifest);
// The same in two steps, that pictures can move in between: all that needs room on the disk comes
// first. kFailed.
Status WriteManifestBeside(const std::filesystem::path& folder, const GoldenManifest& manifest);
Status PlaceManifest(const std::filesystem::path& folder);
void DropManifestBeside(const std::filesystem::path& folder);  // instead of placing it

// "frame-000012.png"
std::string FramePictureName(uint64_t number);
// Where a profile's file of that name stands in the set's folder.
std::string PlaceInSet(std::string_view profile, const std::string& name);

// "22.3.6" of "4.5 (Core Profile) Mesa 22.3.6"; empty where there is no Mesa in it.
std::string MesaVersionIn(const std::string& gl_version);

// The digest of a file's bytes, hex. kUnreadable with the system's reason.
Result<std::string> DigestOfFile(const std::filesystem::path& path);

}  // namespace vgpu
