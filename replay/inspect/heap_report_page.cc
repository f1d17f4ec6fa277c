#include "replay/inspect/heap_report.h"

namespace vgpu {

std::string HeapReportPage(const HeapReport&) { return {}; }

}  // namespace vgpu
