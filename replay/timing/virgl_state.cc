#include "replay/timing/virgl_state.h"

#include <algorithm>

#include "format/protocol/content_hash.h"

namespace vgpu {

namespace {

enum StateOpcode : uint32_t {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) kOp_##NAME = value,
#define VGPU_VIRGL_OBJECT(NAME, value, min_length, fields) kObject_##NAME = value,
#include "format/protocol/virgl.def"
};

constexpr uint32_t kComputeStage = 5;
constexpr uint32_t kContinued = 1u
                                << 31;  // in a shader's third word: what it brings is not the first
constexpr size_t kBoxWords = 11;        // of RESOURCE_INLINE_WRITE, before its bytes
constexpr size_t kMaxText = 1u << 20;   // of a shader, that is hashed

bool IsShader(uint32_t object) { return object == kObject_SHADER; }
bool IsSurface(uint32_t object) {
  return object == kObject_SURFACE || object == kObject_MSAA_SURFACE;
}

// Of a SHADER object, in words: where its text begins. At most its length.
size_t TextBegin(std::span<const uint32_t> words) {
  const uint64_t outputs = words[1] == kComputeStage ? 0 : words[4];
  const uint64_t begin = 5 + (outputs == 0 ? 0 : 4 + 2 * outputs);
  return static_cast<size_t>(std::min<uint64_t>(begin, words.size()));
}

void Identify(std::string_view text, ShaderIdentity& shader) {
  text = text.substr(0, text.find('\0'));
  shader.bytes = text.size();
  shader.lines = static_cast<uint64_t>(std::ranges::count(text, '\n'));
  if (!text.empty() && text.back() != '\n') ++shader.lines;
  shader.digest = ToHex(HashOf(std::as_bytes(std::span(text))));
  shader.first_line = text.substr(0, std::min(text.find('\n'), VirglState::kMaxFirstLine));
}

uint64_t VerticesOf(std::span<const uint32_t> draw) {
  return uint64_t{draw[1]} * std::max(draw[4], 1u);
}

uint32_t Find(const std::unordered_map<uint32_t, uint32_t>& map, uint32_t key) {
  const auto found = map.find(key);
  return found == map.end() ? VirglState::kNone : found->second;
}

}  // namespace

VirglState::VirglState() : shaders_(1), resources_(1) {}

void VirglState::CreateContext(uint32_t context) { contexts_[context].subs.try_emplace(0); }
void VirglState::DestroyContext(uint32_t context) { contexts_.erase(context); }

void VirglState::CreateResource(uint32_t id, const std::optional<ResourceShape>& shape,
                                uint64_t command) {
  uint32_t index = kOther;
  if (resources_.size() <= kMaxResources) {
    index = static_cast<uint32_t>(resources_.size());
    resources_.push_back({id, command, shape});
  }
  current_resources_[id] = index;
}

void VirglState::DestroyResource(uint32_t id) { current_resources_.erase(id); }

std::optional<ResourceShape> VirglState::TakeAnnounced(uint32_t context, uint64_t blob_id) {
  const auto found = contexts_.find(context);
  if (found == contexts_.end()) return std::nullopt;
  return vgpu::TakeAnnounced(found->second.announced, blob_id);
}

uint32_t VirglState::ResourceOf(uint32_t id) const { return Find(current_resources_, id); }

const ResourceShape* VirglState::ShapeOf(uint32_t id) const {
  const uint32_t index = ResourceOf(id);
  if (index == kNone || !resources_[index].shape) return nullptr;
  return &*resources_[index].shape;
}

VirglState::Use VirglState::Apply(uint32_t context_id, const VirglCommand& command,
                                  uint64_t number) {
  Use use;
  const auto found = contexts_.find(context_id);
  if (found == contexts_.end()) return use;
  Context& context = found->second;
  SubContext& sub = context.subs[context.current];
  const Words words = command.words;
  switch (command.info->value) {
    case kOp_CREATE_SUB_CTX:
      if (context.subs.try_emplace(words[0]).second) context.current = words[0];
      break;
    case kOp_SET_SUB_CTX:
      if (context.subs.contains(words[0])) context.current = words[0];
      break;
    case kOp_DESTROY_SUB_CTX:
      if (words[0] == 0) break;
      context.subs.erase(words[0]);
      if (context.current == words[0]) context.current = 0;
      break;
    case kOp_PIPE_RESOURCE_CREATE:
      if (context.announced.size() < kMaxAnnounced) {
        context.announced.insert(AnnouncedBy(words));
      }
      break;
    case kOp_CREATE_OBJECT:
      CreateObject(context_id, command, number, use);
      break;
    case kOp_DESTROY_OBJECT:  // what is bound stays so
      sub.shaders.erase(words[0]);
      sub.surfaces.erase(words[0]);
      break;
    case kOp_BIND_SHADER:
      Bind(sub, words);
      break;
    case kOp_SET_FRAMEBUFFER_STATE:
      sub.target = words[0] == 0 || words.size() < 3 ? kNone : Find(sub.surfaces, words[2]);
      break;
    case kOp_SET_FRAMEBUFFER_STATE_NO_ATTACH:
      sub.target = kNone;
      break;
    case kOp_DRAW_VBO:
      use.vertices = VerticesOf(words);
      use.draws = 1;
      use.shaders = sub.bound;
      use.shaders[kComputeStage] = kNone;
      use.target = sub.target;
      break;
    case kOp_LAUNCH_GRID:
      use.draws = 1;
      use.shaders[kComputeStage] = sub.bound[kComputeStage];
      break;
    case kOp_CLEAR:
      use.target = sub.target;
      break;
    case kOp_CLEAR_SURFACE:
      use.target = Find(sub.surfaces, words[1]);
      break;
    case kOp_BLIT:
      use.target = ResourceOf(words[3]);
      break;
    case kOp_RESOURCE_COPY_REGION:
    case kOp_CLEAR_TEXTURE:
      use.target = ResourceOf(words[0]);
      break;
    default:
      MoveBytes(command, use);
  }
  return use;
}

void VirglState::CreateObject(uint32_t context_id, const VirglCommand& command, uint64_t number,
                              Use& use) {
  Context& context = contexts_.at(context_id);
  SubContext& sub = context.subs.at(context.current);
  const Words words = command.words;
  const uint32_t handle = words[0];
  if (IsShader(command.object)) {
    use.made_shader = CreateShader(context_id, context.current, sub, words, number);
    return;
  }
  // One handle is one object.
  sub.shaders.erase(handle);
  sub.surfaces.erase(handle);
  if (IsSurface(command.object)) sub.surfaces[handle] = ResourceOf(words[1]);
}

uint32_t VirglState::CreateShader(uint32_t context, uint32_t sub_id, SubContext& sub, Words words,
                                  uint64_t number) {
  const uint32_t handle = words[0], stage = words[1];
  if (stage >= kShaderStages) return kNone;
  OpenShader& open = sub.open[stage];
  if ((words[2] & kContinued) != 0) {
    if (open.handle != handle || handle == 0) return kNone;
  } else {
    uint32_t index = kOther;
    if (shaders_.size() <= kMaxShaders) {
      index = static_cast<uint32_t>(shaders_.size());
      shaders_.push_back({context, sub_id, handle, stage, number, 0, 0, {}, {}});
    }
    sub.surfaces.erase(handle);
    sub.shaders[handle] = index;
    open = {handle, index, words[2], {}};
  }
  const uint32_t index = open.index;
  AddText(open, words);
  return index;
}

void VirglState::AddText(OpenShader& open, Words words) {
  const auto bytes = std::as_bytes(words.subspan(TextBegin(words)));
  const uint64_t offset = words[2] & ~kContinued;
  const uint64_t arrived = bytes.size() + ((words[2] & kContinued) != 0 ? offset : 0);
  const size_t kept = std::min(bytes.size(), kMaxText - std::min(kMaxText, open.text.size()));
  open.text.append(reinterpret_cast<const char*>(bytes.data()), kept);
  if (arrived < open.size) return;
  if (open.index != kOther) Identify(open.text, shaders_[open.index]);
  open = {};
}

void VirglState::Bind(SubContext& sub, Words words) const {
  const uint32_t handle = words[0], stage = words[1];
  if (stage >= kShaderStages) return;
  if (handle == 0) {
    sub.bound[stage] = kNone;
    return;
  }
  const uint32_t index = Find(sub.shaders, handle);
  if (index == kNone || (index != kOther && shaders_[index].stage != stage)) return;
  sub.bound[stage] = index;
}

void VirglState::MoveBytes(const VirglCommand& command, Use& use) const {
  const uint32_t value = command.info->value;
  if (value != kOp_TRANSFER3D && value != kOp_COPY_TRANSFER3D &&
      value != kOp_RESOURCE_INLINE_WRITE) {
    return;
  }
  use.moved = ResourceOf(command.words[0]);
  if (value == kOp_RESOURCE_INLINE_WRITE) {
    use.moved_bytes = (command.words.size() - kBoxWords) * sizeof(uint32_t);
    return;
  }
  const auto accesses = BackingAccessesOf({command.words.data() - 1, command.words.size() + 1},
                                          [this](uint32_t id) { return ShapeOf(id); });
  for (const BackingAccess& access : accesses) {
    use.moved_to_host = !access.writes;
    use.moved_bytes += access.box.TotalBytes();
  }
}

}  // namespace vgpu
