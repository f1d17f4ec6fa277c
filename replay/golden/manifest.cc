#include "replay/golden/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "format/protocol/content_hash.h"

namespace vgpu {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GoldenEnvironment, gl_vendor, gl_renderer, gl_version, mesa,
                                   renderer, vgpu)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GoldenFrame, number, scanout, width, height, digest, file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Tolerance, channel, pixels)

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

std::filesystem::path ManifestPath(const std::filesystem::path& folder) {
  return folder / "manifest.json";
}

tl::unexpected<Error> Unreadable(const std::filesystem::path& path, const std::string& why) {
  return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", path.string(), why));
}

// A golden set may come from somewhere else: a name must not lead out of its folder.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

// A manifest has no other numbers; the JSON library would take -1 as the largest one.
bool HasOnlyUnsignedNumbers(const nlohmann::json& json) {
  if (json.is_number()) return json.is_number_unsigned();
  return !json.is_structured() || std::ranges::all_of(json, HasOnlyUnsignedNumbers);
}

Status CheckTolerance(const std::filesystem::path& path, const Tolerance& tolerance) {
  if (tolerance.channel <= 255) return {};
  return Unreadable(path,
                    fmt::format("has the tolerance {}, which is above 255", tolerance.channel));
}

Status CheckFrames(const std::filesystem::path& path, const std::vector<GoldenFrame>& frames) {
  if (frames.empty()) return Unreadable(path, "has no frames");
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!IsPlainName(frames[i].file)) {
      return Unreadable(path, fmt::format("frame {} names the file '{}', which is no plain name",
                                          frames[i].number, frames[i].file));
    }
    if (i != 0 && frames[i].number <= frames[i - 1].number) {
      return Unreadable(path, fmt::format("frame {} stands behind frame {}", frames[i].number,
                                          frames[i - 1].number));
    }
  }
  return {};
}

}  // namespace

Result<GoldenManifest> ReadManifest(const std::filesystem::path& folder) {
  const auto path = ManifestPath(folder);
  std::ifstream in(path);
  if (!in) {
    return Unreadable(folder,
                      fmt::format("not a golden set: manifest.json: {}", std::strerror(errno)));
  }
  GoldenManifest manifest;
  try {
    const nlohmann::json json = nlohmann::json::parse(in);
    if (!HasOnlyUnsignedNumbers(json)) {
      return Unreadable(path, "not a golden manifest: has a number that is negative or no integer");
    }
    if (const int version = json.at("version").get<int>(); version > kVersion) {
      return Unreadable(
          path, fmt::format("has version {}; versions up to {} are known", version, kVersion));
    }
    json.at("environment").get_to(manifest.environment);
    json.at("trace").at("name").get_to(manifest.trace_name);
    json.at("trace").at("digest").get_to(manifest.trace_digest);
    json.at("tolerance").get_to(manifest.tolerance);
    json.at("frames").get_to(manifest.frames);
  } catch (const nlohmann::json::exception& error) {
    return Unreadable(path, fmt::format("not a golden manifest: {}", error.what()));
  }
  for (const Status& status :
       {CheckTolerance(path, manifest.tolerance), CheckFrames(path, manifest.frames)}) {
    if (!status) return tl::unexpected(status.error());
  }
  return manifest;
}

Status WriteManifest(const std::filesystem::path& folder, const GoldenManifest& manifest) {
  Json json;
  json["version"] = kVersion;
  json["environment"] = nlohmann::json(manifest.environment);
  json["trace"] = {{"name", manifest.trace_name}, {"digest", manifest.trace_digest}};
  json["tolerance"] = nlohmann::json(manifest.tolerance);
  json["frames"] = nlohmann::json(manifest.frames);
  const auto path = ManifestPath(folder);
  const auto beside = path.string() + ".part";
  std::ofstream out(beside, std::ios::trunc);
  out << json.dump(2) << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(beside, path, error);
  if (!out || error) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}: cannot write: {}", path.string(),
                                 error ? error.message() : std::strerror(errno)));
  }
  return {};
}

std::string FramePictureName(uint64_t number) { return fmt::format("frame-{:06}.png", number); }

std::string MesaVersionIn(const std::string& gl_version) {
  const std::string word = "Mesa ";
  const size_t at = gl_version.find(word);
  if (at == std::string::npos) return "";
  const size_t begin = at + word.size();
  return gl_version.substr(begin, gl_version.find(' ', begin) - begin);
}

Result<std::string> DigestOfFile(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {  // a device may have no end
    return Unreadable(path, error ? error.message() : "is not a regular file");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return Unreadable(path, std::strerror(errno));
  ContentHasher hasher;
  std::vector<char> buffer(1u << 20);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
    hasher.Add(std::as_bytes(std::span(buffer.data(), static_cast<size_t>(in.gcount()))));
  }
  if (in.bad()) return Unreadable(path, std::strerror(errno));
  return ToHex(hasher.Finish());
}

}  // namespace vgpu
