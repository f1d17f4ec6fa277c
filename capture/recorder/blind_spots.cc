#include "capture/recorder/blind_spots.h"

namespace vgpu {

namespace {

constexpr std::string_view kVmm[] = {
    "Commands that the VMM answers itself are not seen: GET_DISPLAY_INFO, GET_EDID, MOVE_CURSOR, "
    "and 2D commands of a VMM that keeps 2D resources to itself.",
    "Scanouts are seen when the VMM asks for their resource: number and rectangle are not, so "
    "scanout 0 and the whole resource are recorded.",
    "A flush is inferred from a command that calls nothing: its rectangle is not seen.",
    "Backing addresses are the VMM's: an entry's place is its offset in the guest's memory file "
    "where the mapping tells it.",
    "Memory that guest and host share without a command (mapped blobs) is not recorded.",
    "The negotiated feature bits are not seen.",
};

constexpr std::string_view kVtest[] = {
    "There is no guest: one client of a vtest server, its resources in that server's memory.",
    "A vtest client has no scanout: a read-back of a displayable resource is its frame.",
    "What the server answers itself is not seen: protocol versions, busy waits, sync objects.",
};

constexpr std::string_view kUnknown[] = {
    "The kind of program is not known: what it answers itself is not seen.",
};

}  // namespace

std::span<const std::string_view> BlindSpotsOf(proto::SourceKind source) {
  switch (source) {
    case proto::SOURCE_SHIM_VMM: return kVmm;
    case proto::SOURCE_SHIM_VTEST: return kVtest;
    case proto::SOURCE_DEVICE: return {};
    default: return kUnknown;
  }
}

}  // namespace vgpu
