#include "capture/recorder/blind_spots.h"

namespace vgpu {

namespace {

constexpr std::string_view kVmm[] = {
    "Commands that the VMM answers without its renderer are not seen: GET_DISPLAY_INFO, GET_EDID, "
    "MOVE_CURSOR, "
    "disabling a scanout.",
    "Number and rectangle of a scanout are not seen: scanout 0 and the whole resource are "
    "recorded.",
    "A command that calls nothing is taken for a RESOURCE_FLUSH of what the scanout shows; its "
    "rectangle is not seen.",
    "2D commands are seen as the 3D calls that the VMM makes of them; the position of a cursor is "
    "not seen.",
    "Guest-physical addresses are not seen: an address is the VMM's, a place is an offset in the "
    "mapping that holds "
    "it.",
    "Memory that guest and host share without a command (mapped blobs) is sampled before each "
    "submit, transfer and flush; what comes and goes between them is not seen.",
    "The negotiated feature bits are not seen.",
};

constexpr std::string_view kVtest[] = {
    "There is no guest: one client of a vtest server, its resources in that server's memory.",
    "A vtest client has no scanout: a read-back of a displayable resource is its frame.",
    "What the server answers without its renderer is not seen: protocol versions, busy waits, sync "
    "objects.",
};

constexpr std::string_view kUnknown[] = {
    "The kind of program is not known: what it answers itself is not seen.",
};

}  // namespace

std::span<const std::string_view> BlindSpotsOf(proto::SourceKind source) {
  switch (source) {
    case proto::SOURCE_SHIM_VMM:
      return kVmm;
    case proto::SOURCE_SHIM_VTEST:
      return kVtest;
    case proto::SOURCE_DEVICE:
      return {};
    default:
      return kUnknown;
  }
}

}  // namespace vgpu
