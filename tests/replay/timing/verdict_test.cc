// What the verdict is worth, counted over thousands of comparisons of made-up noise. The seeds are
// fixed, so that a count is the same each time; the bounds leave it three to four standard
// deviations.
#include "replay/timing/verdict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace vgpu {
namespace {

using Random = std::mt19937_64;

// The noise of run after run on one machine, in logarithms. `sigma` is about that of one run.
class Noise {
 public:
  virtual ~Noise() = default;
  virtual double Next(Random& random) = 0;
};

class Normal : public Noise {
 public:
  double Next(Random& random) override { return 0.01 * normal_(random); }

 protected:
  std::normal_distribution<double> normal_;
};

// One run in ten is disturbed, and takes up to half as long again.
class Disturbed : public Normal {
 public:
  double Next(Random& random) override {
    const double stray = uniform_(random) < 0.1 ? 0.5 * uniform_(random) : 0;
    return Normal::Next(random) + stray;
  }

 private:
  std::uniform_real_distribution<double> uniform_;
};

// The machine becomes slower, by 20 % over fifty runs.
class Drifting : public Normal {
 public:
  double Next(Random& random) override { return Normal::Next(random) + 0.004 * run_++; }

 private:
  int run_ = 0;
};

// Each run resembles the one before.
class Dragging : public Normal {
 public:
  double Next(Random& random) override {
    return state_ = 0.8 * state_ + 0.6 * Normal::Next(random);
  }

 private:
  double state_ = 0;
};

// Two clocks, 5 % apart, for a dozen runs each on average.
class TwoClocks : public Normal {
 public:
  double Next(Random& random) override {
    if (uniform_(random) < 1.0 / 12) fast_ = !fast_;
    return Normal::Next(random) + (fast_ ? 0 : 0.05);
  }

 private:
  std::uniform_real_distribution<double> uniform_;
  bool fast_ = true;
};

// Times have a floor, and a long way up.
class Skewed : public Noise {
 public:
  double Next(Random& random) override { return exponential_(random); }

 private:
  std::exponential_distribution<double> exponential_{100};
};

struct Model {
  const char* name;
  std::function<std::unique_ptr<Noise>()> make;
};
const Model kModels[] = {
    {"Normal", [] { return std::make_unique<Normal>(); }},
    {"Disturbed", [] { return std::make_unique<Disturbed>(); }},
    {"Drifting", [] { return std::make_unique<Drifting>(); }},
    {"Dragging", [] { return std::make_unique<Dragging>(); }},
    {"TwoClocks", [] { return std::make_unique<TwoClocks>(); }},
    {"Skewed", [] { return std::make_unique<Skewed>(); }},
};

// Pairs of runs in the order ABBA; b takes `shift` more.
struct Pairs {
  std::vector<double> a, b;
  void Add(Noise& noise, Random& random, double shift) {
    const bool a_first = a.size() % 2 == 0;
    const double first = noise.Next(random), second = noise.Next(random);
    a.push_back(a_first ? first : second);
    b.push_back((a_first ? second : first) + shift);
  }
};

Pairs Measured(Noise& noise, Random& random, size_t count, double shift) {
  Pairs pairs;
  for (size_t i = 0; i < count; ++i) pairs.Add(noise, random, shift);
  return pairs;
}

Effect Compared(const Pairs& pairs, const BenchRule& rule) {
  return EffectOf(PairedInterval(pairs.a, pairs.b, rule.confidence), rule);
}

bool IsFalseAlarm(BenchVerdict verdict) {
  return verdict == BenchVerdict::kSlower || verdict == BenchVerdict::kFaster;
}

class VerdictOn : public ::testing::TestWithParam<Model> {
 protected:
  // Of how many comparisons `what` holds.
  int Count(int comparisons, const std::function<bool(Noise&)>& what) {
    int count = 0;
    for (int i = 0; i < comparisons; ++i) {
      const auto noise = GetParam().make();
      count += what(*noise);
    }
    return count;
  }
  Random random{7};
};

TEST_P(VerdictOn, TheIntervalHoldsTheTruthAsOftenAsItSays) {
  constexpr int kComparisons = 2000;
  const int missed = Count(kComparisons, [&](Noise& noise) {
    const Pairs pairs = Measured(noise, random, 14, 0.03);
    const Interval interval = PairedInterval(pairs.a, pairs.b, 0.95);
    return interval.low > 0.03 || interval.high < 0.03;
  });
  EXPECT_LE(missed, 0.05 * kComparisons + 3.5 * std::sqrt(0.05 * 0.95 * kComparisons));
}

// With a threshold that is next to nothing, so that it spares none.
TEST_P(VerdictOn, ComparedWithItselfFindsNothingMoreOftenThanItSays) {
  constexpr int kComparisons = 2000;
  const BenchRule rule{.confidence = 0.99, .threshold = 1e-9};
  const int alarms = Count(kComparisons, [&](Noise& noise) {
    const Pairs pairs = Measured(noise, random, 14, 0);
    return IsFalseAlarm(VerdictOf(Compared(pairs, rule), rule.threshold));
  });
  EXPECT_LE(alarms, 0.01 * kComparisons + 3.5 * std::sqrt(0.01 * 0.99 * kComparisons));
}

// Looks after every fourth pair whether the interval is narrow enough, as the program does.
struct Stopped {
  Pairs pairs;
  Interval interval;
};
Stopped MeasuredUntilNarrow(Noise& noise, Random& random, double shift, const BenchRule& rule) {
  constexpr size_t kMost = 40;
  Stopped stopped{Measured(noise, random, 12, shift), {}};
  while (true) {
    stopped.interval = PairedInterval(stopped.pairs.a, stopped.pairs.b, rule.confidence);
    if (IsNarrowEnough(stopped.interval, rule.threshold) || stopped.pairs.a.size() >= kMost) {
      return stopped;
    }
    for (int i = 0; i < 4; ++i) stopped.pairs.Add(noise, random, shift);
  }
}

TEST_P(VerdictOn, LookingAtTheWidthOnlyMakesFewMoreFalseAlarms) {
  constexpr int kComparisons = 1000;
  const BenchRule rule{.confidence = 0.99, .threshold = 0.015};
  int missed = 0;
  const int alarms = Count(kComparisons, [&](Noise& noise) {
    const Stopped stopped = MeasuredUntilNarrow(noise, random, 0, rule);
    missed += stopped.interval.low > 0 || stopped.interval.high < 0;
    return IsFalseAlarm(VerdictOf(EffectOf(stopped.interval, rule), rule.threshold));
  });
  // Twice what is said, for the looking; and four standard deviations of that.
  EXPECT_LE(missed, 0.02 * kComparisons + 4 * std::sqrt(0.02 * 0.98 * kComparisons));
  EXPECT_LE(alarms, 0.01 * kComparisons + 3.5 * std::sqrt(0.01 * 0.99 * kComparisons));
}

INSTANTIATE_TEST_SUITE_P(Noises, VerdictOn, ::testing::ValuesIn(kModels),
                         [](const auto& model) { return std::string(model.param.name); });

// Runs with 1 % of noise: 3 % are found nearly always, and their sign is right always.
TEST(Verdict, ThreePercentAreFound) {
  Random random(11);
  const BenchRule rule;
  int found = 0, wrong = 0;
  constexpr int kComparisons = 300;
  for (int i = 0; i < kComparisons; ++i) {
    Normal noise;
    const Stopped slower = MeasuredUntilNarrow(noise, random, std::log(1.03), rule);
    const BenchVerdict verdict = VerdictOf(EffectOf(slower.interval, rule), rule.threshold);
    found += verdict == BenchVerdict::kSlower;
    wrong += verdict == BenchVerdict::kFaster || verdict == BenchVerdict::kNoDifference;
  }
  EXPECT_GE(found, 0.99 * kComparisons);
  EXPECT_EQ(wrong, 0);
}

// Normal noise of a size of its own.
class Loud : public Normal {
 public:
  explicit Loud(double percent) : percent_(percent) {}
  double Next(Random& random) override { return percent_ * Normal::Next(random); }

 private:
  double percent_;
};

// A difference of the size that is called the smallest visible one is found in four of five
// measurements, whether it is the noise that hides smaller ones (2 %), or the threshold (0.4 %).
TEST(Verdict, TheSmallestVisibleDifferenceIsFoundFourTimesInFive) {
  Random random(13);
  constexpr int kComparisons = 1000;
  constexpr size_t kPairs = 20;
  const BenchRule rule;
  for (const double percent : {0.4, 2.0}) {
    double visible = 0;
    for (int i = 0; i < kComparisons; ++i) {
      Loud noise(percent);
      visible += Compared(Measured(noise, random, kPairs, 0), rule).smallest_visible / kComparisons;
    }
    int found = 0;
    for (int i = 0; i < kComparisons; ++i) {
      Loud noise(percent);
      const Pairs pairs = Measured(noise, random, kPairs, std::log1p(visible));
      found += VerdictOf(Compared(pairs, rule), rule.threshold) == BenchVerdict::kSlower;
    }
    EXPECT_NEAR(found / static_cast<double>(kComparisons), 0.8, 0.07) << percent << " %";
  }
}

TEST(Verdict, WhereMeasuringStopsASixthMoreThanTheThresholdIsVisible) {
  const BenchRule rule;
  const Interval interval{0, -rule.threshold / 2, rule.threshold / 2};
  ASSERT_TRUE(IsNarrowEnough(interval, rule.threshold));
  EXPECT_NEAR(EffectOf(interval, rule).smallest_visible, rule.threshold * 7 / 6, 1e-4);
}

TEST(Verdict, AnIntervalWithoutEndsHasNoneAsAShareEither) {
  const Effect effect = EffectOf({0.5, -INFINITY, INFINITY}, BenchRule());
  EXPECT_EQ(effect.low, -INFINITY);
  EXPECT_EQ(effect.high, INFINITY);
  EXPECT_EQ(effect.smallest_visible, INFINITY);
}

TEST(Verdict, AnswersWhetherThereIsADifferenceOfTheThreshold) {
  const auto of = [](double low, double estimate, double high) {
    return NameOf(VerdictOf({estimate, low, high, 0}, 0.01));
  };
  EXPECT_EQ(of(0.02, 0.03, 0.04), "slower");
  EXPECT_EQ(of(0.005, 0.012, 0.02), "slower");
  EXPECT_EQ(of(-0.04, -0.03, -0.02), "faster");
  EXPECT_EQ(of(-0.005, 0.001, 0.007), "no difference found");
  EXPECT_EQ(of(0.002, 0.004, 0.006), "no difference found");  // there is one, which does not matter
  EXPECT_EQ(of(-0.02, 0.001, 0.02), "cannot tell");
  EXPECT_EQ(of(0.001, 0.006, 0.012), "cannot tell");  // whether it is one that matters
  EXPECT_EQ(of(-INFINITY, 0.5, INFINITY), "cannot tell");
}

TEST(Verdict, NamesAreFoundAgain) {
  EXPECT_EQ(FindBenchVerdict("cannot tell"), BenchVerdict::kCannotTell);
  EXPECT_FALSE(FindBenchVerdict("maybe").has_value());
}

TEST(Verdict, MoreRunsAreWantedTheWiderTheIntervalIs) {
  EXPECT_EQ(RunsWanted({0, -0.02, 0.02}, 0.01, 10), 160);
  EXPECT_EQ(RunsWanted({0, -0.001, 0.001}, 0.01, 10), 10);
  EXPECT_TRUE(IsNarrowEnough({3, 2.995, 3.005}, 0.01));
  EXPECT_FALSE(IsNarrowEnough({0, -0.01, 0.01}, 0.01));
}

}  // namespace
}  // namespace vgpu
