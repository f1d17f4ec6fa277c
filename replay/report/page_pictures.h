// Pictures that a page of HTML carries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vgpu {

// Reads files of pictures as long as there is room. Each file once.
class PagePictures {
 public:
  struct Picture {
    std::string file;
    std::string bytes;    // of the PNG; empty where
    std::string problem;  // it is not in the page, and why
  };

  explicit PagePictures(uint64_t max_bytes) : left_(max_bytes) {}

  // The pictures' indices; nothing for an empty name. Those that belong together are all in the
  // page, or none of them, so that what is shown side by side is whole.
  std::vector<std::optional<size_t>> Add(const std::vector<std::string>& files);

  const std::vector<Picture>& pictures() const { return pictures_; }
  // Those for which there was no room.
  uint64_t left_out() const { return left_out_; }

 private:
  uint64_t SizeOf(const std::vector<std::string>& files) const;
  size_t AddOne(const std::string& file, bool fits);

  uint64_t left_;
  uint64_t left_out_ = 0;
  std::vector<Picture> pictures_;
  std::map<std::string, size_t> by_file_;
};

}  // namespace vgpu
