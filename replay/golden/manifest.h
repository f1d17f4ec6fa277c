// What a golden set is made of: DIR/manifest.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "format/protocol/error.h"
#include "replay/frames/compare.h"

namespace vgpu {

// What the pictures were made with.
struct GoldenEnvironment {
  std::string gl_vendor, gl_renderer, gl_version;
  std::string mesa;      // "22.3.6", from the GL version; empty where that is no Mesa
  std::string renderer;  // "virglrenderer 0.10.4"
  std::string vgpu;      // our version
};

struct GoldenFrame {
  uint64_t number = 0;
  uint32_t scanout = 0;
  uint32_t width = 0, height = 0;
  std::string digest;  // XXH3-128 of the RGBA rows, hex
  std::string file;    // its name in the folder
};

struct GoldenManifest {
  GoldenEnvironment environment;
  std::string trace_name;
  std::string trace_digest;         // XXH3-128 of the whole file, hex
  Tolerance tolerance;              // what `verify` allows unless told otherwise
  std::vector<GoldenFrame> frames;  // by number, ascending
};

// kUnreadable: no such file, not JSON, a field that is missing or of the wrong kind, a newer
// version, a number out of range, a file name that leaves the folder, no frames or not ascending ones.
Result<GoldenManifest> ReadManifest(const std::filesystem::path& folder);
Status WriteManifest(const std::filesystem::path& folder, const GoldenManifest& manifest);

// "frame-000012.png"
std::string FramePictureName(uint64_t number);

// "22.3.6" of "4.5 (Core Profile) Mesa 22.3.6"; empty where there is no Mesa in it.
std::string MesaVersionIn(const std::string& gl_version);

// The digest of a file's bytes, hex. kUnreadable with the system's reason.
Result<std::string> DigestOfFile(const std::filesystem::path& path);

}  // namespace vgpu
