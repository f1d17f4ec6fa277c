// What a guest's virgl streams made and bound, as far as a profile names it: shaders, and what is
// drawn into.
//
// Handles and resource ids come again: each use gets a number of its own, which stays. What is one
// too many gets kOther. A guest's mistakes change nothing, as in virglrenderer: unknown handles,
// shaders of another stage. Sub-contexts have handles and bindings of their own; the one that was
// made or set last is the current one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/protocol/virgl.h"
#include "replay/device/announced.h"

namespace vgpu {

inline constexpr uint32_t kShaderStages = 6;  // values.def names them

struct ShaderIdentity {
  uint32_t context = 0, sub_context = 0, handle = 0;
  uint32_t stage = 0;
  uint64_t command = 0;    // that made it
  uint64_t bytes = 0;      // of its text
  uint64_t lines = 0;      // the same
  std::string digest;      // of its text, hex
  std::string first_line;  // at most kMaxFirstLine bytes; any bytes
};

struct ResourceIdentity {
  uint32_t id = 0;
  uint64_t command = 0;                // that made it
  std::optional<ResourceShape> shape;  // nothing for a blob
};

class VirglState {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;  // nothing is bound, or it is not known
  static constexpr uint32_t kOther = 0;          // all that there was no room for
  static constexpr size_t kMaxShaders = 1 << 12, kMaxResources = 1 << 16, kMaxAnnounced = 1 << 16;
  static constexpr size_t kMaxFirstLine = 80;

  VirglState();

  void CreateContext(uint32_t context);
  void DestroyContext(uint32_t context);
  void CreateResource(uint32_t id, const std::optional<ResourceShape>& shape, uint64_t command);
  void DestroyResource(uint32_t id);
  // What a stream of the context said of a blob's resource. It is taken.
  std::optional<ResourceShape> TakeAnnounced(uint32_t context, uint64_t blob_id);
  // What a command works with, all numbers as indices of shaders() and resources(). Its effect is
  // in the state afterwards; commands that the renderer refused must not come here.
  struct Use {
    Use() { shaders.fill(kNone); }
    uint64_t draws = 0;     // 1 for a draw or a dispatch
    uint64_t vertices = 0;  // of a draw whose count stands in the stream, over all instances
    std::array<uint32_t, kShaderStages> shaders;  // of a draw or a dispatch: what is bound
    uint32_t made_shader = kNone;                 // whose text it brought, or a part of it
    uint32_t target = kNone;                      // the resource that it draws into
    uint32_t moved = kNone;                       // the resource that it brings bytes to, or from
    bool moved_to_host = true;
    uint64_t moved_bytes = 0;
  };
  Use Apply(uint32_t context, const VirglCommand& command, uint64_t number);

  uint32_t ResourceOf(uint32_t id) const;  // its index now, or kNone
  const ResourceShape* ShapeOf(uint32_t id) const;

  // A shader whose text comes in pieces has no digest before the last of them.
  const std::vector<ShaderIdentity>& shaders() const { return shaders_; }
  const std::vector<ResourceIdentity>& resources() const { return resources_; }

 private:
  // A shader whose text still comes.
  struct OpenShader {
    uint32_t handle = 0;  // 0: there is none
    uint32_t index = kNone;
    uint64_t size = 0;  // of all of it
    std::string text;
  };
  struct SubContext {
    std::unordered_map<uint32_t, uint32_t> shaders;   // handle to index
    std::unordered_map<uint32_t, uint32_t> surfaces;  // handle to the resource's index
    std::array<uint32_t, kShaderStages> bound;
    std::array<OpenShader, kShaderStages> open;
    uint32_t target = kNone;  // behind colour buffer 0
    SubContext() { bound.fill(kNone); }
  };
  struct Context {
    std::unordered_map<uint32_t, SubContext> subs;  // 0 is always there
    uint32_t current = 0;
    AnnouncedShapes announced;
  };
  using Words = std::span<const uint32_t>;

  void CreateObject(uint32_t context, const VirglCommand& command, uint64_t number, Use& use);
  uint32_t CreateShader(uint32_t context, uint32_t sub_id, SubContext& sub, Words words,
                        uint64_t number);
  void AddText(OpenShader& open, Words words);
  void Bind(SubContext& sub, Words words) const;
  void MoveBytes(const VirglCommand& command, Use& use) const;

  std::unordered_map<uint32_t, Context> contexts_;
  std::unordered_map<uint32_t, uint32_t> current_resources_;  // id to index
  std::vector<ShaderIdentity> shaders_;
  std::vector<ResourceIdentity> resources_;
};

}  // namespace vgpu
