// Profile as JSON, for a worker's event and for users.
#pragma once

#include <nlohmann/json.hpp>

#include "replay/timing/profile.h"

namespace vgpu {

void to_json(nlohmann::json& json, const Profile& profile);
void from_json(const nlohmann::json& json, Profile& profile);

}  // namespace vgpu
