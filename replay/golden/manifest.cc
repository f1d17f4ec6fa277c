#include "replay/golden/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "format/protocol/content_hash.h"
#include "format/protocol/limits.h"

namespace vgpu {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GoldenEnvironment, gl_vendor, gl_renderer, gl_version, mesa,
                                   renderer, vgpu)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GoldenFrame, number, scanout, width, height, digest, file)

namespace {

using Json = nlohmann::ordered_json;  // written; it looks members up one by one
using Parsed = nlohmann::json;        // read: an object may have any number of members

constexpr unsigned kVersion = 2;
constexpr size_t kMaxProfileName = 64;
constexpr uint64_t kMaxBytes = 64u << 20;  // some 300,000 frames
constexpr uint64_t kMaxValues = 2u << 20;  // as many; a value takes up to 100 bytes in memory
constexpr uint64_t kMaxDepth = 16;         // four are needed

constexpr std::string_view kPictureSuffix = ".png";

std::filesystem::path ManifestPath(const std::filesystem::path& folder) {
  return folder / "manifest.json";
}

std::filesystem::path BesideManifest(const std::filesystem::path& folder) {
  return ManifestPath(folder).string() + ".part";
}

tl::unexpected<Error> CannotWrite(const std::filesystem::path& path, const std::string& why) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot write: {}", path.string(), why));
}

tl::unexpected<Error> Unreadable(const std::filesystem::path& path, const std::string& why) {
  return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", path.string(), why));
}

// A golden set may come from somewhere else. What is wrong with it is thrown as an Error, whose
// sentence the file's name goes before.
[[noreturn]] void Refuse(std::string why) { throw Error{ErrorCode::kUnreadable, std::move(why)}; }

uint64_t SizeOf(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) Refuse("is not a regular file");
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size <= kMaxBytes) return size;
  Refuse(error ? error.message()
               : fmt::format("has {} bytes, above the limit of {}", size, kMaxBytes));
}

// Counts before anything is built of them. What is no JSON is left for the parser to tell.
class SizeCheck : public nlohmann::json_sax<Parsed> {
 public:
  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const string_t&) override { return Count(); }
  bool string(string_t&) override { return Count(); }
  bool binary(binary_t&) override { return Count(); }
  bool start_object(std::size_t) override { return Open(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t, const std::string&, const Parsed::exception&) override {
    return false;
  }

 private:
  bool Count() {
    if (++values_ <= kMaxValues) return true;
    Refuse(fmt::format("not a golden manifest: has more than {} values", kMaxValues));
  }
  bool Open() {
    if (++depth_ <= kMaxDepth) return Count();
    Refuse(
        fmt::format("not a golden manifest: is nested too deeply: more than {} levels", kMaxDepth));
  }
  bool Close() {
    --depth_;
    return true;
  }

  uint64_t values_ = 0, depth_ = 0;
};

std::string BytesOf(const std::filesystem::path& path) {
  std::string bytes(SizeOf(path), '\0');
  std::ifstream in(path, std::ios::binary);
  if (!in) Refuse(std::strerror(errno));
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) Refuse(std::strerror(errno));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

// Names that lead nowhere else, and under which nothing but a picture stands.
bool IsPictureName(std::string_view name) {
  return name.size() > kPictureSuffix.size() && name.ends_with(kPictureSuffix) &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

// A name must not lead out of the set's folder: it is one in there, or one in the profile's.
void CheckPlace(const GoldenProfile& profile, std::string_view file, const std::string& what) {
  std::string_view name = file;
  const std::string folder = profile.name + "/";
  if (name.starts_with(folder)) name.remove_prefix(folder.size());
  if (IsPictureName(name)) return;
  Refuse(fmt::format("{} names the file '{}', which is no plain name that ends in {}", what, file,
                     kPictureSuffix));
}

// A manifest has no other numbers outside of its tolerances; the JSON library would take -1 as the
// largest one.
bool HasOnlyUnsignedNumbers(const Parsed& json) {
  if (json.is_number()) return json.is_number_unsigned();
  return !json.is_structured() || std::ranges::all_of(json, HasOnlyUnsignedNumbers);
}

template <typename T>
void ReadLimit(const Parsed& json, const char* name, T low, T high, T& limit) {
  if (!json.contains(name)) return;  // of a version that did not have it
  const Parsed& value = json.at(name);
  const bool fits = std::is_integral_v<T> ? value.is_number_unsigned() : value.is_number();
  if (!fits) {
    Refuse(fmt::format("has the tolerance {} {}, which is negative or no {}", name, value.dump(),
                       std::is_integral_v<T> ? "integer" : "number"));
  }
  const bool in_range = std::is_integral_v<T>
                            ? value.get<uint64_t>() >= static_cast<uint64_t>(low) &&
                                  value.get<uint64_t>() <= static_cast<uint64_t>(high)
                            : value.get<double>() >= static_cast<double>(low) &&
                                  value.get<double>() <= static_cast<double>(high);
  if (!in_range) {
    Refuse(fmt::format("has the tolerance {} {}, which is not between {} and {}", name,
                       value.dump(), low, high));
  }
  limit = value.get<T>();
}

// Takes it out of the profile.
Tolerance TakeTolerance(Parsed& profile) {
  const Parsed json = profile.at("tolerance");
  profile.erase("tolerance");
  if (!json.is_object())
    Refuse(fmt::format("has the tolerance {}, which is no object", json.dump()));
  Tolerance tolerance;
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  ReadLimit<type>(json, #name, low, high, tolerance.name);
#include "replay/frames/tolerances.def"
  return tolerance;
}

Json ToJson(const Tolerance& tolerance) {
  Json json;
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) json[#name] = tolerance.name;
#include "replay/frames/tolerances.def"
  return json;
}

IgnoredParts IgnoredOf(const Parsed& json, const GoldenProfile& profile) {
  IgnoredParts ignored;
  for (const auto& text : json.value("ignored", std::vector<std::string>())) {
    auto rect = ParseIgnoredRect(text);
    if (!rect) Refuse("ignored: " + rect.error().message);
    ignored.rects.push_back(*rect);
  }
  for (const auto& file : json.value("masks", std::vector<std::string>())) {
    CheckPlace(profile, file, "a mask");
    ignored.masks.emplace_back(file);
  }
  return ignored;
}

void CheckNumber(const Parsed& frame, const char* name, uint64_t most) {
  const auto value = frame.at(name).get<uint64_t>();
  if (value <= most) return;
  Refuse(fmt::format("frame {} has the {} {}, above the limit of {}",
                     frame.at("number").get<uint64_t>(), name, value, most));
}

std::vector<GoldenFrame> FramesOf(const Parsed& json, const GoldenProfile& profile) {
  std::vector<GoldenFrame> frames;
  for (const Parsed& one : json) {
    CheckNumber(one, "scanout", UINT32_MAX);
    CheckNumber(one, "width", limits::kMaxTextureSide);
    CheckNumber(one, "height", limits::kMaxTextureSide);
    auto frame = one.get<GoldenFrame>();
    CheckPlace(profile, frame.file, fmt::format("frame {}", frame.number));
    if (!frames.empty() && frame.number <= frames.back().number) {
      Refuse(fmt::format("frame {} stands behind frame {}", frame.number, frames.back().number));
    }
    frames.push_back(std::move(frame));
  }
  if (frames.empty()) Refuse("has no frames");
  return frames;
}

GoldenProfile ProfileOf(Parsed json, std::string name) {
  GoldenProfile profile;
  profile.name = std::move(name);
  if (!IsProfileName(profile.name))
    Refuse(fmt::format("has a profile '{}', which is no name", profile.name));
  profile.tolerance = TakeTolerance(json);
  if (!HasOnlyUnsignedNumbers(json)) {
    Refuse("not a golden manifest: has a number that is negative or no integer");
  }
  json.at("environment").get_to(profile.environment);
  profile.environment.library = json.at("environment").value("library", "");
  json.at("trace").at("name").get_to(profile.trace_name);
  json.at("trace").at("digest").get_to(profile.trace_digest);
  profile.ignored = IgnoredOf(json, profile);
  profile.frames = FramesOf(json.at("frames"), profile);
  return profile;
}

GoldenManifest ManifestOf(const Parsed& json) {
  const Parsed& version = json.at("version");
  if (!version.is_number_unsigned() || version == 0u || version > kVersion) {
    Refuse(fmt::format("has version {}; versions up to {} are known", version.dump(), kVersion));
  }
  GoldenManifest manifest;
  if (version == 1u) {
    manifest.profiles.push_back(ProfileOf(json, std::string(kDefaultProfile)));
    return manifest;
  }
  std::set<std::string> names;
  for (const Parsed& one : json.at("profiles")) {
    GoldenProfile profile = ProfileOf(one, one.at("name").get<std::string>());
    if (!names.insert(profile.name).second) {
      Refuse(fmt::format("has two profiles {}", profile.name));
    }
    manifest.profiles.push_back(std::move(profile));
  }
  if (manifest.profiles.empty()) Refuse("has no profiles");
  return manifest;
}

Json ToJson(const GoldenProfile& profile) {
  Json json;
  json["name"] = profile.name;
  json["environment"] = nlohmann::json(profile.environment);
  json["environment"]["library"] = profile.environment.library;
  json["trace"] = {{"name", profile.trace_name}, {"digest", profile.trace_digest}};
  json["tolerance"] = ToJson(profile.tolerance);
  json["ignored"] = Json::array();
  for (const IgnoredRect& rect : profile.ignored.rects) json["ignored"].push_back(ToText(rect));
  json["masks"] = Json::array();
  for (const auto& mask : profile.ignored.masks) json["masks"].push_back(mask.string());
  json["frames"] = nlohmann::json(profile.frames);
  return json;
}

}  // namespace

const GoldenProfile* GoldenManifest::Find(std::string_view name) const {
  const auto found = std::ranges::find(profiles, name, &GoldenProfile::name);
  return found == profiles.end() ? nullptr : &*found;
}

std::string GoldenManifest::Names() const {
  std::string names;
  for (const GoldenProfile& profile : profiles) {
    names += (names.empty() ? "" : ", ") + profile.name;
  }
  return names;
}

bool IsProfileName(std::string_view name) {
  constexpr std::string_view kFileSuffixes[] = {".json", ".part", kPictureSuffix};
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  const auto is_file = [&](std::string_view suffix) { return name.ends_with(suffix); };
  return !name.empty() && name.size() <= kMaxProfileName && name.front() != '.' &&
         name.find_first_not_of(kLetters) == name.npos &&
         std::ranges::none_of(kFileSuffixes, is_file);
}

Result<GoldenManifest> ReadManifest(const std::filesystem::path& folder) {
  const auto path = ManifestPath(folder);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    const std::string why =
        error ? error.message()
              : std::make_error_code(std::errc::no_such_file_or_directory).message();
    return Unreadable(folder, fmt::format("not a golden set: manifest.json: {}", why));
  }
  try {
    const std::string bytes = BytesOf(path);
    SizeCheck check;
    Parsed::sax_parse(bytes, &check);
    return ManifestOf(Parsed::parse(bytes));
  } catch (const Error& wrong) {
    return Unreadable(path, wrong.message);
  } catch (const Parsed::exception& wrong) {
    return Unreadable(path, fmt::format("not a golden manifest: {}", wrong.what()));
  }
}

Status WriteManifestBeside(const std::filesystem::path& folder, const GoldenManifest& manifest) {
  Json json;
  json["version"] = kVersion;
  for (const GoldenProfile& profile : manifest.profiles) {
    json["profiles"].push_back(ToJson(profile));
  }
  const auto beside = BesideManifest(folder);
  std::ofstream out(beside, std::ios::trunc);
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  out.close();
  if (out) return {};
  return CannotWrite(beside, std::strerror(errno));
}

Status PlaceManifest(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::rename(BesideManifest(folder), ManifestPath(folder), error);
  return error ? Status(CannotWrite(ManifestPath(folder), error.message())) : Status();
}

void DropManifestBeside(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove(BesideManifest(folder), ignored);
}

Status WriteManifest(const std::filesystem::path& folder, const GoldenManifest& manifest) {
  if (auto status = WriteManifestBeside(folder, manifest); !status) return status;
  return PlaceManifest(folder);
}

std::string FramePictureName(uint64_t number) { return fmt::format("frame-{:06}.png", number); }

std::string PlaceInSet(std::string_view profile, const std::string& name) {
  return profile == kDefaultProfile ? name : fmt::format("{}/{}", profile, name);
}

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
