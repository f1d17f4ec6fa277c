#include "capture/ring/ring.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "capture/ring/ring_layout.h"

namespace vgpu {
namespace {

std::vector<std::byte> Pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> out(size);
  std::minstd_rand random(seed + 1);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random() >> 8);
  return out;
}

class RingTest : public testing::Test {
 protected:
  void Make(uint64_t capacity, OnFull on_full) {
    auto made = RingReader::Create(capacity, on_full);
    ASSERT_TRUE(made) << made.error().message;
    reader_ = std::move(*made);
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    writer_ = RingWriter::Attach(reader_->memfd(), sockets_[1]);
    ASSERT_NE(writer_, nullptr);
    void* map = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader_->memfd(), 0);
    ASSERT_NE(map, MAP_FAILED);
    header_ = static_cast<ring::RingHeader*>(map);
  }

  void TearDown() override {
    RingWriter::Detach(writer_);
    if (header_ != nullptr) munmap(header_, 4096);
    for (int socket : sockets_) {
      if (socket >= 0) close(socket);
    }
  }

  void HangUp() {
    close(sockets_[0]);
    sockets_[0] = -1;
  }

  bool Write(uint16_t type, Bytes payload) {
    if (!writer_->Begin(type, payload.size())) return false;
    writer_->Put(payload);
    writer_->Finish();
    return true;
  }

  // The next record; polls while nothing is there.
  std::vector<std::byte> Take(uint16_t want_type) {
    RingReader::Record record;
    while (true) {
      auto next = reader_->Next(record);
      if (!next) {
        ADD_FAILURE() << next.error().message;
        return {};
      }
      if (*next) {
        EXPECT_EQ(record.type, want_type);
        return {record.payload.begin(), record.payload.end()};
      }
      std::this_thread::yield();
    }
  }

  bool Empty() {
    RingReader::Record record;
    auto next = reader_->Next(record);
    return next && !*next;
  }

  DropCount Dropped(DropCause cause) {
    return reader_->dropped().at(static_cast<std::size_t>(cause));
  }

  std::unique_ptr<RingReader> reader_;
  RingWriter* writer_ = nullptr;
  ring::RingHeader* header_ = nullptr;
  int sockets_[2] = {-1, -1};
};

TEST_F(RingTest, RecordsOfAllSizesComeOutInOrderAcrossManyWraps) {
  Make(4096, OnFull::kWait);
  for (unsigned i = 0; i < 3000; ++i) {
    const auto payload = Pattern(i % 1777, i);
    ASSERT_TRUE(Write(static_cast<uint16_t>(i), payload));
    ASSERT_EQ(Take(static_cast<uint16_t>(i)), payload) << i;
  }
  EXPECT_EQ(reader_->pending_bytes(), 0u);
}

TEST_F(RingTest, SeveralRecordsWaitInTheRing) {
  Make(4096, OnFull::kWait);
  ASSERT_TRUE(Write(1, Pattern(10, 1)));
  ASSERT_TRUE(Write(2, {}));
  ASSERT_TRUE(Write(3, Pattern(1000, 3)));
  EXPECT_GT(reader_->pending_bytes(), 1010u);
  EXPECT_EQ(Take(1), Pattern(10, 1));
  EXPECT_EQ(Take(2), Pattern(0, 0));
  EXPECT_EQ(Take(3), Pattern(1000, 3));
  EXPECT_TRUE(Empty());
}

TEST_F(RingTest, ARecordMayBeLargerThanTheRing) {
  Make(4096, OnFull::kWait);
  const auto payload = Pattern(1'000'003, 7);
  std::thread thread([&] { EXPECT_TRUE(Write(9, payload)); });
  EXPECT_EQ(Take(9), payload);
  thread.join();
}

TEST_F(RingTest, AWaitingWriterLosesNothingWithASlowReader) {
  Make(8192, OnFull::kWait);
  std::thread thread([&] {
    for (unsigned i = 0; i < 200; ++i) EXPECT_TRUE(Write(1, Pattern(700, i)));
  });
  for (unsigned i = 0; i < 200; ++i) {
    if (i % 20 == 0) {
      while (header_->waiting.load() == 0) std::this_thread::yield();
    }
    ASSERT_EQ(Take(1), Pattern(700, i));
  }
  thread.join();
  EXPECT_EQ(Dropped(DropCause::kRingFull).records, 0u);
}

TEST_F(RingTest, ARingThatIsEmptiedStaysInItsFirstPages) {
  Make(8 << 20, OnFull::kWait);
  for (unsigned i = 0; i < 1000; ++i) {
    ASSERT_TRUE(Write(1, Pattern(50'000, i)));
    ASSERT_EQ(Take(1), Pattern(50'000, i));
  }
  struct stat info;
  ASSERT_EQ(fstat(reader_->memfd(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 2 << 20);
}

TEST_F(RingTest, ARestartIsNotOverwrittenBeforeTheReaderFollows) {
  Make(1 << 16, OnFull::kWait);
  // Half of the ring is used and taken: the next record is at the start again.
  ASSERT_TRUE(Write(1, Pattern(40'000, 1)));
  ASSERT_EQ(Take(1), Pattern(40'000, 1));
  std::thread thread([&] {
    EXPECT_TRUE(Write(2, Pattern(30'000, 2)));
    EXPECT_TRUE(Write(3, Pattern(30'000, 3)));
    EXPECT_TRUE(Write(4, Pattern(60'000, 4)));
  });
  while (header_->waiting.load() == 0) std::this_thread::yield();
  EXPECT_LT(reader_->pending_bytes(), 41'000u);
  EXPECT_EQ(Take(2), Pattern(30'000, 2));
  EXPECT_EQ(Take(3), Pattern(30'000, 3));
  EXPECT_EQ(Take(4), Pattern(60'000, 4));
  thread.join();
}

TEST_F(RingTest, RecordsSurviveAnyMixOfRestartsWrapsAndWaits) {
  Make(1 << 16, OnFull::kWait);
  std::thread thread([&] {
    std::minstd_rand random(11);
    for (unsigned i = 0; i < 3000; ++i) ASSERT_TRUE(Write(1, Pattern(random() % 30'000, i)));
  });
  std::minstd_rand random(11);
  for (unsigned i = 0; i < 3000; ++i) {
    // Sometimes the reader lets the ring fill up, sometimes it keeps it empty.
    if (i % 100 == 0) {
      while (header_->waiting.load() == 0) std::this_thread::yield();
    }
    const auto expected = Pattern(random() % 30'000, i);
    ASSERT_EQ(Take(1), expected) << i;
  }
  thread.join();
}

TEST_F(RingTest, ARestartThatFollowsARestartIsAnError) {
  Make(4096, OnFull::kWait);
  const ring::RecordHeader restart = {ring::kRestartMark, 0, 0, 0};
  ASSERT_EQ(pwrite(reader_->memfd(), &restart, sizeof(restart), ring::kRingDataOffset),
            static_cast<ssize_t>(sizeof(restart)));
  header_->head.store(64);
  RingReader::Record record;
  EXPECT_FALSE(reader_->Next(record));
}

TEST_F(RingTest, WhenFullDropLeavesOutWholeRecordsAndCountsThem) {
  Make(4096, OnFull::kDrop);
  ASSERT_TRUE(Write(1, Pattern(3000, 1)));
  EXPECT_FALSE(Write(2, Pattern(2000, 2)));
  EXPECT_FALSE(Write(2, Pattern(1500, 2)));
  ASSERT_TRUE(Write(3, Pattern(500, 3)));
  EXPECT_EQ(Dropped(DropCause::kRingFull).records, 2u);
  EXPECT_EQ(Dropped(DropCause::kRingFull).bytes, 3500u);
  EXPECT_EQ(Dropped(DropCause::kTooLarge).records, 0u);
  EXPECT_EQ(Take(1), Pattern(3000, 1));
  EXPECT_EQ(Take(3), Pattern(500, 3));
  ASSERT_TRUE(Write(4, Pattern(4000, 4)));
  EXPECT_EQ(Take(4), Pattern(4000, 4));
}

TEST_F(RingTest, DropRefusesARecordThatNeverFits) {
  Make(4096, OnFull::kDrop);
  EXPECT_FALSE(Write(1, Pattern(5000, 1)));
  EXPECT_EQ(Dropped(DropCause::kRingFull).records, 1u);
}

TEST_F(RingTest, ARecordAboveTheLimitIsDroppedUnderWaitToo) {
  Make(4096, OnFull::kWait);
  EXPECT_FALSE(writer_->Begin(1, kMaxRecordBytes + 1));
  EXPECT_EQ(Dropped(DropCause::kTooLarge).records, 1u);
}

TEST_F(RingTest, AShortRecordIsFilledWithZerosAndALongOneIsCut) {
  Make(4096, OnFull::kWait);
  ASSERT_TRUE(writer_->Begin(1, 300));
  writer_->Put(Pattern(20, 1));
  writer_->Finish();
  ASSERT_TRUE(writer_->Begin(2, 5));
  writer_->Put(Pattern(20, 1));
  writer_->Finish();
  auto expected = Pattern(20, 1);
  expected.resize(300);
  EXPECT_EQ(Take(1), expected);
  expected.resize(5);
  EXPECT_EQ(Take(2), expected);
}

TEST_F(RingTest, StopEndsAWriterThatWaits) {
  Make(4096, OnFull::kWait);
  std::thread thread([&] { Write(1, Pattern(50'000, 1)); });
  while (header_->waiting.load() == 0) std::this_thread::yield();
  reader_->Stop();
  thread.join();
  EXPECT_TRUE(writer_->stopped());
  EXPECT_FALSE(writer_->Begin(2, 0));
}

TEST_F(RingTest, AWaitingWriterNoticesThatTheReaderIsGone) {
  Make(4096, OnFull::kWait);
  std::thread thread([&] { Write(1, Pattern(50'000, 1)); });
  while (header_->waiting.load() == 0) std::this_thread::yield();
  HangUp();
  thread.join();
  EXPECT_TRUE(writer_->stopped());
}

TEST_F(RingTest, AWriterThatGivesUpSaysWhyBehindWhatItWrote) {
  Make(4096, OnFull::kWait);
  ASSERT_TRUE(Write(1, Pattern(10, 1)));
  EXPECT_EQ(reader_->gave_up(), GaveUp::kNo);
  writer_->GiveUp(GaveUp::kNoMemory);
  EXPECT_TRUE(writer_->stopped());
  EXPECT_FALSE(Write(2, {}));
  EXPECT_EQ(reader_->gave_up(), GaveUp::kNoMemory);
  EXPECT_EQ(Take(1), Pattern(10, 1));
}

TEST_F(RingTest, ADroppingWriterNoticesThatTheReaderIsGone) {
  Make(4096, OnFull::kDrop);
  HangUp();
  EXPECT_TRUE(Write(1, Pattern(3000, 1)));
  EXPECT_FALSE(Write(1, Pattern(3000, 1)));
  EXPECT_TRUE(writer_->stopped());
}

TEST_F(RingTest, AWriterWhoseSocketWasReplacedStopsInsteadOfWaitingForever) {
  Make(4096, OnFull::kWait);
  const int other = memfd_create("other", MFD_CLOEXEC);
  ASSERT_GE(dup2(other, sockets_[1]), 0);
  close(other);
  EXPECT_FALSE(Write(1, Pattern(50'000, 1)) && !writer_->stopped());
  EXPECT_TRUE(writer_->stopped());
}

TEST_F(RingTest, TheWriterKeepsErrno) {
  Make(4096, OnFull::kDrop);
  close(sockets_[1]);  // asking for it fails
  sockets_[1] = -1;
  errno = 77;
  for (int i = 0; i < 3; ++i) Write(1, Pattern(3000, 1));
  EXPECT_TRUE(writer_->stopped());
  EXPECT_EQ(errno, 77);
}

TEST_F(RingTest, WhatAKilledWriterFinishedIsThereAndItsOpenRecordIsNot) {
  Make(1 << 16, OnFull::kWait);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    RingWriter* writer = RingWriter::Attach(reader_->memfd(), sockets_[1]);
    if (writer == nullptr || !writer->Begin(1, 100)) _exit(1);
    writer->Put(Pattern(100, 1));
    writer->Finish();
    writer->Begin(2, 1000);
    writer->Put(Pattern(500, 2));
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  close(ready[0]);
  close(ready[1]);
  EXPECT_EQ(Take(1), Pattern(100, 1));
  EXPECT_TRUE(Empty());
  EXPECT_TRUE(Empty());
}

TEST_F(RingTest, AttachRefusesWhatIsNotARing) {
  Make(4096, OnFull::kWait);
  const int plain = memfd_create("plain", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(plain, 8192), 0);
  EXPECT_EQ(RingWriter::Attach(plain, sockets_[1]), nullptr);
  const int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(ftruncate(sealed, 8192), 0);
  ASSERT_EQ(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  EXPECT_EQ(RingWriter::Attach(sealed, sockets_[1]), nullptr);
  EXPECT_EQ(RingWriter::Attach(-1, sockets_[1]), nullptr);
  EXPECT_EQ(RingWriter::Attach(reader_->memfd(), -1), nullptr);
  close(plain);
  close(sealed);
}

TEST_F(RingTest, TheRingCannotBeResized) {
  Make(4096, OnFull::kWait);
  EXPECT_NE(ftruncate(reader_->memfd(), 4096), 0);
  EXPECT_NE(ftruncate(reader_->memfd(), 1 << 20), 0);
}

TEST_F(RingTest, AHeadBeyondTheCapacityIsAnError) {
  Make(4096, OnFull::kWait);
  header_->head.store(5000);
  RingReader::Record record;
  auto next = reader_->Next(record);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kFailed);
  EXPECT_THAT(next.error().message,
              testing::HasSubstr("5000 bytes, more than its capacity of 4096"));
  EXPECT_EQ(reader_->pending_bytes(), 4096u);
}

TEST_F(RingTest, AHeadThatGoesBackIsAnError) {
  Make(4096, OnFull::kWait);
  ASSERT_TRUE(Write(1, Pattern(100, 1)));
  Take(1);
  header_->head.store(8);
  RingReader::Record record;
  EXPECT_FALSE(reader_->Next(record));
}

TEST_F(RingTest, ARecordWithoutItsMarkIsAnErrorThatNamesThePlace) {
  Make(4096, OnFull::kWait);
  ASSERT_TRUE(Write(1, Pattern(8, 1)));
  Take(1);
  header_->head.fetch_add(64);
  RingReader::Record record;
  auto next = reader_->Next(record);
  ASSERT_FALSE(next);
  EXPECT_THAT(next.error().message, testing::HasSubstr("at position 24"));
}

TEST_F(RingTest, ARecordThatClaimsTooMuchIsAnError) {
  Make(4096, OnFull::kWait);
  const ring::RecordHeader huge = {ring::kRecordMark, 1, 0, kMaxRecordBytes + 1};
  ASSERT_EQ(pwrite(reader_->memfd(), &huge, sizeof(huge), ring::kRingDataOffset),
            static_cast<ssize_t>(sizeof(huge)));
  header_->head.store(64);
  RingReader::Record record;
  EXPECT_FALSE(reader_->Next(record));
}

TEST_F(RingTest, GarbageNeverHarmsTheReader) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    auto reader = RingReader::Create(4096, OnFull::kWait);
    ASSERT_TRUE(reader);
    auto bytes = Pattern(ring::kRingDataOffset + 4096, random());
    // Half of the rounds start with a plausible record, to come further.
    ring::RecordHeader plausible = {ring::kRecordMark, 1, 0, random() % 9000};
    if (round % 2 == 0) {
      std::memcpy(bytes.data() + ring::kRingDataOffset, &plausible, sizeof(plausible));
    }
    const uint64_t head = random() % 5000;
    std::memcpy(bytes.data() + offsetof(ring::RingHeader, head), &head, sizeof(head));
    ASSERT_EQ(pwrite((*reader)->memfd(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    RingReader::Record record;
    for (int i = 0; i < 10; ++i) {
      auto next = (*reader)->Next(record);
      if (!next || !*next) break;
      EXPECT_LE(record.payload.size(), 4096u);
    }
    EXPECT_LE((*reader)->pending_bytes(), 4096u);
  }
}

}  // namespace
}  // namespace vgpu
