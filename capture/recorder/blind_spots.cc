#include "capture/recorder/blind_spots.h"

#include <iterator>
#include <span>

namespace vgpu {

namespace {

constexpr std::string_view kQueries =
    "The results of queries are not recorded: the renderer writes them when it has them.";

constexpr std::string_view kEveryShim[] = {
    "Calls that are passed on without a record: resource_import_blob, resource_import_eglimage, "
    "resource_export_blob, get_rect, execute; and the in-fences of submit_cmd2.",
    kQueries,
    "When fences signal is not seen where the program's callbacks have a version that the recorder "
    "does not know.",
};

constexpr std::string_view kVmm[] = {
    "Commands that the VMM answers without its renderer are not seen: GET_DISPLAY_INFO, GET_EDID, "
    "MOVE_CURSOR, disabling a scanout, QEMU's SET_SCANOUT_BLOB and the frames that it shows.",
    "Number and rectangle of a scanout are not seen: scanout 0 and the whole resource are "
    "recorded.",
    "A command that calls nothing is taken for a RESOURCE_FLUSH of what the scanout shows; its "
    "rectangle is not seen.",
    "2D commands are seen as the 3D calls that the VMM makes of them; the position of a cursor is "
    "not seen.",
    "Guest-physical addresses are not seen: an address is the VMM's, a place is an offset in the "
    "mapped file that holds it, or, for anonymous memory, in the mapping.",
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

constexpr std::string_view kDevice[] = {
    kQueries,
    "Memory that guest and host share without a command (mapped blobs, guest blobs on a scanout) "
    "is sampled before each submit, transfer and flush; what comes and goes between them is not seen.",
};

constexpr std::string_view kUnknown[] = {
    "The kind of program is not known: what it answers itself is not seen.",
};

std::span<const std::string_view> OwnBlindSpotsOf(proto::SourceKind source) {
  if (source == proto::SOURCE_SHIM_VMM) return kVmm;
  if (source == proto::SOURCE_SHIM_VTEST) return kVtest;
  if (source == proto::SOURCE_DEVICE) return kDevice;
  return kUnknown;
}

}  // namespace

std::vector<std::string_view> BlindSpotsOf(proto::SourceKind source) {
  const auto own = OwnBlindSpotsOf(source);
  std::vector<std::string_view> all(own.begin(), own.end());
  if (source == proto::SOURCE_DEVICE) return all;
  all.insert(all.end(), std::begin(kEveryShim), std::end(kEveryShim));
  return all;
}

}  // namespace vgpu
