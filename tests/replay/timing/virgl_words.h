// Virgl streams as a test words them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace vgpu::virgl {

inline constexpr uint32_t kVertex = 0, kFragment = 1, kCompute = 5;
inline constexpr uint32_t kShaderObject = 4, kSurfaceObject = 8, kBlendObject = 1;
inline constexpr uint32_t kContinued = 1u << 31;

class Stream {
 public:
  Stream& Add(uint32_t command, uint32_t object, const std::vector<uint32_t>& words) {
    words_.push_back(command | object << 8 | static_cast<uint32_t>(words.size()) << 16);
    words_.insert(words_.end(), words.begin(), words.end());
    return *this;
  }
  Stream& MakeSub(uint32_t id) { return Add(29, 0, {id}); }
  Stream& SetSub(uint32_t id) { return Add(28, 0, {id}); }
  Stream& DestroySub(uint32_t id) { return Add(30, 0, {id}); }
  Stream& Shader(uint32_t handle, uint32_t stage, const std::string& text) {
    return ShaderPart(handle, stage, text + '\0', static_cast<uint32_t>(text.size()) + 1);
  }
  // `size`: of the whole text with its NUL, or the offset of a part with kContinued.
  Stream& ShaderPart(uint32_t handle, uint32_t stage, std::string_view part, uint32_t size) {
    std::vector<uint32_t> words = {handle, stage, size, 10, 0};
    const size_t begin = words.size();
    words.resize(begin + (part.size() + 3) / 4);
    std::memcpy(words.data() + begin, part.data(), part.size());
    return Add(1, kShaderObject, words);
  }
  Stream& Surface(uint32_t handle, uint32_t resource) {
    return Add(1, kSurfaceObject, {handle, resource, 1, 0, 0});
  }
  Stream& Bind(uint32_t handle, uint32_t stage) { return Add(31, 0, {handle, stage}); }
  Stream& Destroy(uint32_t handle) { return Add(3, 0, {handle}); }
  Stream& Target(uint32_t surface) { return Add(5, 0, {1, 0, surface}); }
  Stream& Draw(uint32_t vertices, uint32_t instances = 1) {
    return Add(8, 0, {0, vertices, 4, 0, instances, 0, 0, 0, 0, 0, 0, 0});
  }
  Stream& Dispatch() { return Add(37, 0, {1, 1, 1, 1, 1, 1, 0, 0}); }

  std::vector<uint32_t>& words() { return words_; }

 private:
  std::vector<uint32_t> words_;
};

}  // namespace vgpu::virgl
