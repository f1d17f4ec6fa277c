#include "replay/frames/png.h"

#include <fmt/format.h>
#include <png.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "format/protocol/limits.h"

namespace vgpu {

namespace {

constexpr uint64_t kMaxPixels = limits::kMaxCheckedFrameBytes / 4;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// Frees what libpng's simplified interface holds, on every way out.
struct PngImage {
  png_image image{};
  PngImage() { image.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

std::string SystemReason() { return std::strerror(errno); }

}  // namespace

Status WritePng(const std::filesystem::path& path, const Image& image) {
  const std::filesystem::path beside = path.string() + ".part";
  auto fail = [&](const std::string& why) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    return MakeError(ErrorCode::kFailed, fmt::format("{}: cannot write: {}", path.string(), why));
  };
  if (image.width == 0 || image.height == 0) return fail("the picture has no pixels");
  File file(std::fopen(beside.c_str(), "wb"));
  if (!file) return fail(SystemReason());
  PngImage png;
  png.image.width = image.width;
  png.image.height = image.height;
  png.image.format = PNG_FORMAT_RGBA;
  if (!png_image_write_to_stdio(&png.image, file.get(), 0, image.rgba.data(), 0, nullptr)) {
    return fail(png.image.message);
  }
  if (std::fclose(file.release()) != 0) return fail(SystemReason());
  std::error_code error;
  std::filesystem::rename(beside, path, error);
  if (error) return fail(error.message());
  return {};
}

Result<Image> ReadPng(const std::filesystem::path& path) {
  auto fail = [&](const std::string& why) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", path.string(), why));
  };
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail(SystemReason());
  PngImage png;
  if (!png_image_begin_read_from_stdio(&png.image, file.get())) {
    return fail(fmt::format("not a PNG that can be read: {}", png.image.message));
  }
  if (png.image.width > limits::kMaxTextureSide || png.image.height > limits::kMaxTextureSide) {
    return fail(fmt::format("{}x{} pixels pass the limit of {} a side", png.image.width,
                            png.image.height, limits::kMaxTextureSide));
  }
  // Before memory is taken for them: a file of 65 bytes may promise any number.
  if (const uint64_t pixels = uint64_t{png.image.width} * png.image.height; pixels > kMaxPixels) {
    return fail(fmt::format("{}x{} are {} pixels, above the limit of {}", png.image.width,
                            png.image.height, pixels, kMaxPixels));
  }
  png.image.format = PNG_FORMAT_RGBA;
  Image image{png.image.width, png.image.height, {}};
  image.rgba.resize(uint64_t{image.width} * image.height * 4);
  if (!png_image_finish_read(&png.image, nullptr, image.rgba.data(), 0, nullptr)) {
    return fail(fmt::format("damaged PNG: {}", png.image.message));
  }
  return image;
}

}  // namespace vgpu
