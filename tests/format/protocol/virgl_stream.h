// A virgl stream built by hand, for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace vgpu {

class VirglStream {
 public:
  VirglStream& Add(uint32_t command, std::vector<uint32_t> words, uint32_t object = 0) {
    words_.push_back(command | object << 8 | static_cast<uint32_t>(words.size()) << 16);
    words_.insert(words_.end(), words.begin(), words.end());
    return *this;
  }
  VirglStream& Append(const VirglStream& other) {
    words_.insert(words_.end(), other.words_.begin(), other.words_.end());
    return *this;
  }
  const std::vector<uint32_t>& words() const { return words_; }

 private:
  std::vector<uint32_t> words_;
};

}  // namespace vgpu
