#include "replay/frames/structural_similarity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace vgpu {

namespace {

constexpr int kRadius = 5;
constexpr int kTaps = 2 * kRadius + 1;
constexpr double kSigma = 1.5;
constexpr double kC1 = (0.01 * 255) * (0.01 * 255);
constexpr double kC2 = (0.03 * 255) * (0.03 * 255);

std::array<double, kTaps> GaussianTaps() {
  std::array<double, kTaps> taps;
  double sum = 0;
  for (int i = 0; i < kTaps; ++i) {
    const double distance = i - kRadius;
    sum += taps[i] = std::exp(-distance * distance / (2 * kSigma * kSigma));
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

// Where the mirror image has what lies at `at`: ...2 1 0 | 0 1 2...
size_t Mirrored(int64_t at, int64_t size) {
  at %= 2 * size;
  if (at < 0) at += 2 * size;
  return static_cast<size_t>(at < size ? at : 2 * size - 1 - at);
}

// The local moments: means of x, y, xx, yy, xy.
enum Moment { kX, kY, kXX, kYY, kXY, kMoments };
using MomentRows = std::array<std::vector<double>, kMoments>;

// One channel of two pictures. The window is separable: rows are filtered once each, and the last
// kTaps of them are kept for the columns.
class Channel {
 public:
  Channel(const Image& expected, const Image& actual, const PixelMask& ignored, int channel)
      : expected_(expected), actual_(actual), ignored_(ignored), channel_(channel) {
    rows_.fill(SIZE_MAX);
    for (MomentRows& slot : slots_) {
      for (auto& row : slot) row.resize(expected.width);
    }
    for (auto& row : means_) row.resize(expected.width);
    for (auto& row : padded_) row.resize(expected.width + 2 * kRadius);
    for (size_t y = 0; y < expected.height; ++y) differs_.push_back(RowDiffers(y));
  }

  double Mean();

 private:
  bool IsIgnored(size_t y, size_t x) const {
    return !ignored_.empty() && ignored_[y * expected_.width + x] != 0;
  }
  bool RowDiffers(size_t y) const;
  // Whether a window around this row has a pixel that differs.
  bool WindowDiffers(size_t y) const;
  const MomentRows& FilteredRow(size_t y);
  void FilterColumns(size_t y);
  double Similarity(size_t x) const;

  const Image& expected_;
  const Image& actual_;
  const PixelMask& ignored_;
  const int channel_;
  const std::array<double, kTaps> taps_ = GaussianTaps();
  std::vector<bool> differs_;            // of each row
  std::array<MomentRows, kTaps> slots_;  // rows that are filtered; row y in slot y % kTaps
  std::array<size_t, kTaps> rows_;       // which row a slot has
  MomentRows padded_;                    // a row with its mirror images
  MomentRows means_;                     // of one row of windows
};

bool Channel::RowDiffers(size_t y) const {
  for (size_t x = 0; x < expected_.width; ++x) {
    const size_t at = 4 * (y * expected_.width + x) + channel_;
    if (expected_.rgba[at] != actual_.rgba[at] && !IsIgnored(y, x)) return true;
  }
  return false;
}

bool Channel::WindowDiffers(size_t y) const {
  const size_t first = y - std::min<size_t>(y, kRadius);
  const size_t last = std::min<size_t>(y + kRadius, expected_.height - 1);
  return std::find(differs_.begin() + first, differs_.begin() + last + 1, true) !=
         differs_.begin() + last + 1;
}

const MomentRows& Channel::FilteredRow(size_t y) {
  MomentRows& out = slots_[y % kTaps];
  if (rows_[y % kTaps] == y) return out;
  rows_[y % kTaps] = y;
  const size_t width = expected_.width;
  for (size_t i = 0; i < width + 2 * kRadius; ++i) {
    const size_t x = Mirrored(static_cast<int64_t>(i) - kRadius, static_cast<int64_t>(width));
    const size_t at = 4 * (y * width + x) + channel_;
    const double want = expected_.rgba[at];
    const double got = IsIgnored(y, x) ? want : actual_.rgba[at];
    padded_[kX][i] = want;
    padded_[kY][i] = got;
    padded_[kXX][i] = want * want;
    padded_[kYY][i] = got * got;
    padded_[kXY][i] = want * got;
  }
  for (int moment = 0; moment < kMoments; ++moment) {
    double* to = out[moment].data();
    std::fill_n(to, width, 0.0);
    for (int tap = 0; tap < kTaps; ++tap) {
      const double* from = padded_[moment].data() + tap;
      const double weight = taps_[tap];
      for (size_t x = 0; x < width; ++x) to[x] += weight * from[x];
    }
  }
  return out;
}

void Channel::FilterColumns(size_t y) {
  for (auto& row : means_) std::ranges::fill(row, 0.0);
  for (int tap = 0; tap < kTaps; ++tap) {
    const int64_t row = static_cast<int64_t>(y) + tap - kRadius;
    const MomentRows& from = FilteredRow(Mirrored(row, expected_.height));
    const double weight = taps_[tap];
    for (int moment = 0; moment < kMoments; ++moment) {
      double* to = means_[moment].data();
      const double* in = from[moment].data();
      for (size_t x = 0; x < expected_.width; ++x) to[x] += weight * in[x];
    }
  }
}

double Channel::Similarity(size_t x) const {
  const double mx = means_[kX][x], my = means_[kY][x];
  const double vx = means_[kXX][x] - mx * mx, vy = means_[kYY][x] - my * my;
  const double covariance = means_[kXY][x] - mx * my;
  return (2 * mx * my + kC1) * (2 * covariance + kC2) /
         ((mx * mx + my * my + kC1) * (vx + vy + kC2));
}

double Channel::Mean() {
  double sum = 0;
  uint64_t pixels = 0;
  for (size_t y = 0; y < expected_.height; ++y) {
    const bool equal = !WindowDiffers(y);
    if (!equal) FilterColumns(y);
    for (size_t x = 0; x < expected_.width; ++x) {
      if (IsIgnored(y, x)) continue;
      sum += equal ? 1.0 : Similarity(x);
      ++pixels;
    }
  }
  return pixels == 0 ? 1 : sum / static_cast<double>(pixels);
}

}  // namespace

double StructuralSimilarity(const Image& expected, const Image& actual, const PixelMask& ignored) {
  double lowest = 1;
  for (int channel = 0; channel < 3; ++channel) {
    lowest = std::min(lowest, Channel(expected, actual, ignored, channel).Mean());
  }
  return lowest;
}

}  // namespace vgpu
