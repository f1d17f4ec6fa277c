#include "replay/report/page_pictures.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace vgpu {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPngBegin = "\x89PNG\r\n\x1a\n";

// 0 where there is no such file: nothing is read of it.
uint64_t FileSize(const std::string& file) {
  std::error_code error;
  const uint64_t size = fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
  return error ? 0 : size;
}

void ReadPicture(PagePictures::Picture& picture) {
  std::error_code error;
  if (!fs::is_regular_file(picture.file, error)) {
    picture.problem = "it cannot be read: " + (error ? error.message() : "it is no regular file");
    return;
  }
  picture.bytes.resize(FileSize(picture.file));
  std::ifstream in(picture.file, std::ios::binary);
  in.read(picture.bytes.data(), static_cast<std::streamsize>(picture.bytes.size()));
  if (!in) {
    picture.problem = std::string("it cannot be read: ") + std::strerror(errno);
  } else if (!picture.bytes.starts_with(kPngBegin)) {
    picture.problem = "it is no PNG";
  }
  if (!picture.problem.empty()) picture.bytes.clear();
}

}  // namespace

uint64_t PagePictures::SizeOf(const std::vector<std::string>& files) const {
  uint64_t size = 0;
  for (const std::string& file : files) {
    if (!file.empty() && !by_file_.contains(file)) size += FileSize(file);
  }
  return size;
}

size_t PagePictures::AddOne(const std::string& file, bool fits) {
  const auto [found, is_new] = by_file_.emplace(file, pictures_.size());
  if (!is_new) return found->second;
  Picture& picture = pictures_.emplace_back();
  picture.file = file;
  if (fits) {
    ReadPicture(picture);
    left_ -= std::min<uint64_t>(left_, picture.bytes.size());
  } else {
    picture.problem = "there is no room for it in the page";
    ++left_out_;
  }
  return found->second;
}

std::vector<std::optional<size_t>> PagePictures::Add(const std::vector<std::string>& files) {
  const bool fits = SizeOf(files) <= left_;
  std::vector<std::optional<size_t>> indices;
  for (const std::string& file : files) {
    indices.push_back(file.empty() ? std::nullopt : std::optional(AddOne(file, fits)));
  }
  return indices;
}

}  // namespace vgpu
