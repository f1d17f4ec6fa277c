// Capsets.
#include <cstdint>
#include <span>

#include "capture/shim/capsets.h"
#include "capture/shim/exports.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace exported {

void virgl_renderer_get_cap_set(uint32_t set, uint32_t* max_version, uint32_t* max_size) noexcept {
  const auto real_call = [&] { real::virgl_renderer_get_cap_set(set, max_version, max_size); };
  if (!IsVirglCapset(set) || max_version == nullptr || max_size == nullptr) return real_call();
  Recorded(
      [&](Recording& r) {
        // The guest asks by index; VMMs offer VIRGL first and VIRGL2 second.
        auto request = MakeRequest<wire::GetCapsetInfo>(CommandType::GET_CAPSET_INFO);
        request.capset_index = set - kCapsetVirgl;
        r.Begin(request);
      },
      real_call,
      [&](Recording& r) {
        wire::RespCapsetInfo response;
        response.capset_id = set;
        response.capset_max_version = *max_version;
        response.capset_max_size = *max_size;
        r.End(response, ResponseType::OK_CAPSET_INFO);
      });
}

void virgl_renderer_fill_caps(uint32_t set, uint32_t version, void* caps) noexcept {
  const auto real_call = [&] { real::virgl_renderer_fill_caps(set, version, caps); };
  if (!IsVirglCapset(set) || caps == nullptr) return real_call();
  CapsetSize size;
  Recorded(
      [&](Recording& r) {
        auto request = MakeRequest<wire::GetCapset>(CommandType::GET_CAPSET);
        request.capset_id = set;
        request.capset_version = version;
        r.Begin(request);
      },
      [&] {
        real_call();
        size = SizeOfCapset(set);
      },
      [&](Recording& r) {
        r.End(wire::HeaderOnly(), ResponseType::OK_CAPSET,
              Bytes(static_cast<const std::byte*>(caps), size.bytes));
      });
}

}  // namespace exported

}  // namespace vgpu::shim
