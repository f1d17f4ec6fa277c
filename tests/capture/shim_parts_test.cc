// The shim's parts that need no process of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "format/protocol/backing.h"
#include "capture/ring/mapped_memory.h"
#include "capture/shim/memory_map.h"
#include "capture/ring/record_stream.h"
#include "capture/shim/segments.h"

namespace vgpu::shim {
namespace {

using testing::ElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;

std::vector<std::byte> Counting(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 256);
  return out;
}

// `bytes` cut into pieces of these lengths.
std::vector<iovec> Cut(std::vector<std::byte>& bytes, std::initializer_list<std::size_t> lengths) {
  std::vector<iovec> out;
  std::size_t at = 0;
  for (std::size_t length : lengths) {
    out.push_back({bytes.data() + at, length});
    at += length;
  }
  return out;
}

TEST(BackingTest, RowsAreFoundAcrossPieces) {
  auto bytes = Counting(1000);
  const auto iov = Cut(bytes, {3, 0, 500, 1, 496});
  const Backing backing(iov.data(), iov.size());
  EXPECT_EQ(backing.size(), 1000u);
  const ByteBox box = {10, 30, 5, 100, 2, 480};
  std::vector<std::byte> taken;
  backing.ForEachRun(box, [&](Bytes run) { taken.insert(taken.end(), run.begin(), run.end()); });
  std::vector<std::byte> expected;
  for (std::size_t layer = 0; layer < 2; ++layer) {
    for (std::size_t row = 0; row < 5; ++row) {
      const auto from = bytes.begin() + static_cast<long>(10 + layer * 480 + row * 100);
      expected.insert(expected.end(), from, from + 30);
    }
  }
  EXPECT_EQ(taken, expected);
  EXPECT_EQ(HashBox(backing, box), HashOf(expected));
}

TEST(BackingTest, OneRunHashesLikeItsBytes) {
  auto bytes = Counting(4096);
  const auto iov = Cut(bytes, {4096});
  const Backing backing(iov.data(), iov.size());
  EXPECT_EQ(HashBox(backing, {0, 4096, 1, 0, 1, 0}), HashOf(bytes));
}

TEST(BackingTest, CoversOnlyWhatIsInside) {
  auto bytes = Counting(100);
  const auto iov = Cut(bytes, {60, 40});
  const Backing backing(iov.data(), iov.size());
  EXPECT_TRUE(backing.Covers({0, 100, 1, 0, 1, 0}));
  EXPECT_TRUE(backing.Covers({90, 10, 1, 0, 1, 0}));
  EXPECT_FALSE(backing.Covers({91, 10, 1, 0, 1, 0}));
  EXPECT_FALSE(backing.Covers({0, 10, 2, 91, 1, 0}));
  EXPECT_FALSE(backing.Covers({0, 0, 1, 0, 1, 0}));
  EXPECT_FALSE(backing.Covers({0, 1, 0, 0, 1, 0}));
  EXPECT_FALSE(backing.Covers({UINT64_MAX, 10, 1, 0, 1, 0}));
  EXPECT_FALSE(Backing().Covers({0, 1, 1, 0, 1, 0}));
}

// Whatever instructions this processor has, digests are XXH3's: these are from libxxhash.so.
TEST(BackingTest, DigestsAreXxh3) {
  EXPECT_EQ(ToHex(HashOf(Counting(5))), "f72d100531dfb71357c3cf21d8799995");
  EXPECT_EQ(ToHex(HashOf(Counting(700))), "78e3425fe0e0917c9a3e80c244dbfa1d");
  auto bytes = Counting(360000);
  EXPECT_EQ(ToHex(HashOf(bytes)), "8cfa7eaed7b0637ba899494702b75d7e");
  const auto iov = Cut(bytes, {1, 4096, 300000, 100, 55803});
  const Backing backing(iov.data(), iov.size());
  EXPECT_EQ(ToHex(HashBox(backing, {0, 360000, 1, 0, 1, 0})), "8cfa7eaed7b0637ba899494702b75d7e");
}

TEST(BackingTest, APieceWithoutAnAddressMakesItEmpty) {
  char byte = 0;
  const iovec iov[] = {{&byte, 1}, {nullptr, 5}};
  EXPECT_TRUE(Backing(iov, 2).empty());
  EXPECT_TRUE(Backing(nullptr, 2).empty());
}

TEST(MapLineTest, TakesALineApart) {
  MapLine line;
  ASSERT_TRUE(
      ParseMapLine("7f00-7f2000 rw-s 00001000 00:01 4242                     "
                   "/memfd:pc.ram (deleted)",
                   line));
  EXPECT_EQ(line.begin, 0x7f00u);
  EXPECT_EQ(line.end, 0x7f2000u);
  EXPECT_EQ(line.offset, 0x1000u);
  EXPECT_EQ(line.device, 1u);
  EXPECT_EQ(line.inode, 4242u);
  EXPECT_TRUE(line.shared);
  EXPECT_TRUE(line.writable);
  EXPECT_EQ(line.path, "/memfd:pc.ram (deleted)");
  ASSERT_TRUE(ParseMapLine("1000-2000 r--p 00000000 00:00 0 ", line));
  EXPECT_FALSE(line.writable);
  EXPECT_EQ(line.path, "");
}

TEST(MapLineTest, RefusesWhatIsNoMapping) {
  MapLine line;
  for (const char* text : {"", "zzz", "1000", "2000-1000 rw-p 0 00:00 0 ", "1000-2000 rw",
                           "1000-2000 rw-p 0 0000 0 ", "1000-99999999999999999 rw-p 0 0:0 0 "}) {
    EXPECT_FALSE(ParseMapLine(text, line)) << text;
  }
}

class MemoryMapTest : public testing::Test {
 protected:
  ~MemoryMapTest() override { unlink(path_.c_str()); }

  void Maps(const std::string& text) {
    std::FILE* file = std::fopen(path_.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text.c_str(), file);
    std::fclose(file);
  }

  static const void* At(uint64_t address) { return reinterpret_cast<const void*>(address); }

  const std::string path_ = "/tmp/vgpu-maps-" + std::to_string(getpid());
};

TEST_F(MemoryMapTest, AnEntryInGuestMemoryHasItsOffsetInTheFile) {
  Maps(
      "00400000-00500000 r-xp 00000000 08:01 11 /usr/bin/qemu\n"
      "10000000-20000000 rw-s 01000000 00:01 22 /memfd:pc.ram (deleted)\n");
  MemoryMap map(path_.c_str());
  const MemoryMap::Place place = map.Find(At(0x10002000), 4096, 1);
  EXPECT_EQ(place.heap, 1u);
  EXPECT_EQ(place.offset, 0x1002000u);
  EXPECT_EQ(map.heap(1).name, "memfd:pc.ram");
  EXPECT_EQ(map.heap(1).size, 0x11000000u);
  EXPECT_TRUE(map.heap(1).shared);
}

TEST_F(MemoryMapTest, MappingsOfOneFileAreOneHeap) {
  Maps(
      "10000000-18000000 rw-s 00000000 00:01 22 /memfd:ram (deleted)\n"
      "18000000-18001000 r--s 08000000 00:01 22 /memfd:ram (deleted)\n"
      "18001000-20000000 rw-s 08001000 00:01 22 /memfd:ram (deleted)\n"
      "30000000-38000000 rw-s 00000000 00:01 23 /memfd:other (deleted)\n");
  MemoryMap map(path_.c_str());
  EXPECT_EQ(map.Find(At(0x17fff000), 4096, 1).offset, 0x7fff000u);
  EXPECT_EQ(map.Find(At(0x1f000000), 4096, 1).heap, 1u);
  EXPECT_EQ(map.Find(At(0x1f000000), 4096, 1).offset, 0xf000000u);
  EXPECT_EQ(map.Find(At(0x30000000), 4096, 1).heap, 2u);
}

TEST_F(MemoryMapTest, SmallReadOnlyAndUnknownMemoryIsUnplacedAtGrowingPages) {
  Maps(
      "10000000-10001000 rw-p 00000000 00:00 0 \n"
      "20000000-30000000 r--p 00000000 08:01 9 /usr/lib/libLLVM.so\n");
  MemoryMap map(path_.c_str());
  const auto small = map.Find(At(0x10000000), 100, 1);
  const auto constant = map.Find(At(0x20000000), 5000, 1);
  const auto unknown = map.Find(At(0x50000000), 1, 1);
  EXPECT_EQ(small.heap, kUnplacedHeap);
  EXPECT_EQ(small.offset, 0u);
  EXPECT_EQ(constant.heap, kUnplacedHeap);
  EXPECT_EQ(constant.offset, 4096u);
  EXPECT_EQ(unknown.offset, 4096u + 8192u);
}

TEST_F(MemoryMapTest, AnEntryThatLeavesItsMappingIsUnplaced) {
  Maps("10000000-20000000 rw-s 00000000 00:01 22 /memfd:ram (deleted)\n");
  MemoryMap map(path_.c_str());
  EXPECT_EQ(map.Find(At(0x1ffff000), 4096, 1).heap, 1u);
  EXPECT_EQ(map.Find(At(0x1ffff000), 4097, 1).heap, kUnplacedHeap);
}

TEST_F(MemoryMapTest, ANewMappingIsFoundLaterAndKeepsItsHeap) {
  Maps("10000000-20000000 rw-s 00000000 00:01 22 /memfd:ram (deleted)\n");
  MemoryMap map(path_.c_str());
  EXPECT_EQ(map.Find(At(0x10000000), 4096, kSecond).heap, 1u);
  Maps(
      "10000000-20000000 rw-s 00000000 00:01 22 /memfd:ram (deleted)\n"
      "40000000-50000000 rw-p 00000000 00:00 0 \n");
  EXPECT_EQ(map.Find(At(0x40001000), 4096, 1000 * kSecond).heap, 2u);
  EXPECT_EQ(map.Find(At(0x40001000), 4096, 1000 * kSecond).offset, 0x1000u);
  EXPECT_EQ(map.heap(2).name, "anonymous");
  EXPECT_EQ(map.Find(At(0x10000000), 4096, 1000 * kSecond).heap, 1u);
}

TEST_F(MemoryMapTest, ALostFileLeavesEverythingUnplaced) {
  MemoryMap map("/nonexistent/maps");
  EXPECT_EQ(map.Find(At(0x10000000), 4096, 1).heap, kUnplacedHeap);
}

TEST_F(MemoryMapTest, ThisProcessesOwnLargeMappingIsPlaced) {
  const std::size_t size = 32 << 20;
  const int fd = memfd_create("vgpu-test-ram", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(size)), 0);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(memory, MAP_FAILED);
  MemoryMap map;
  const auto place = map.Find(static_cast<std::byte*>(memory) + 8192, 4096, 1);
  ASSERT_NE(place.heap, kUnplacedHeap);
  EXPECT_EQ(place.offset, 8192u);
  EXPECT_EQ(map.heap(place.heap).name, "memfd:vgpu-test-ram");
  EXPECT_EQ(map.heap(place.heap).size, size);
  munmap(memory, size);
  close(fd);
}

// A ring that drops, and what comes out of it.
class DroppingRingTest : public testing::Test {
 protected:
  void SetUp() override {
    reader_ = std::move(RingReader::Create(kRingBytes, OnFull::kDrop).value());
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    writer_ = RingWriter::Attach(reader_->memfd(), sockets_[1]);
    ASSERT_NE(writer_, nullptr);
  }
  void TearDown() override {
    RingWriter::Detach(writer_);
    for (const int socket : sockets_) close(socket);
  }

  // How many records come.
  int Take() {
    int records = 0;
    RingReader::Record record;
    while (reader_->Next(record).value()) ++records;
    return records;
  }

  // Leaves less room than a page.
  void Fill() {
    ASSERT_TRUE(writer_->Begin(1, 14000));
    writer_->Finish();
  }

  static constexpr uint64_t kRingBytes = 16384;
  std::unique_ptr<RingReader> reader_;
  RingWriter* writer_ = nullptr;
  int sockets_[2] = {-1, -1};
};

TEST_F(DroppingRingTest, SampledPagesThatWereDroppedAreSampledAgain) {
  RecordStream out(*writer_);
  MappedMemory mapped;
  std::vector<std::byte> memory(3 * 4096);
  const iovec whole = {memory.data(), memory.size()};
  mapped.Map(5, Backing(&whole, 1), true);
  memory[4096] = std::byte{1};
  Fill();
  mapped.Sample(out);
  EXPECT_EQ(Take(), 1) << "the ring had no room for a page";
  mapped.Sample(out);
  EXPECT_EQ(Take(), 1);
  mapped.Sample(out);
  EXPECT_EQ(Take(), 0) << "nothing has changed since";
}

TEST_F(DroppingRingTest, ChecksOfACommandWhoseEndWasDroppedAreLeftOut) {
  RecordStream out(*writer_);
  const std::vector<std::byte> bytes(4096);
  ASSERT_TRUE(out.Begin(bytes, {}, Queue::kControl, false));
  ASSERT_TRUE(writer_->Begin(1, 11000));
  writer_->Finish();
  out.End(bytes, {});
  EXPECT_EQ(Take(), 2) << "the ring had no room for the end";
  out.Readback(5, false, ByteBox(), Digest());
  out.Frame(ring::FrameRecord());
  EXPECT_EQ(Take(), 0);
}

TEST_F(DroppingRingTest, HeapThatWasDroppedIsSaidToBe) {
  RecordStream out(*writer_);
  const std::string name(4096, 'x');
  Fill();
  EXPECT_FALSE(out.Heap({}, name));
  EXPECT_EQ(Take(), 1);
  EXPECT_TRUE(out.Heap({}, name));
}

TEST(SegmentTrackerTest, NothingIsFlushedBeforeAScanoutIsSet) {
  SegmentTracker tracker;
  EXPECT_FALSE(tracker.vmm_like());
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_TRUE(tracker.vmm_like());
}

TEST(SegmentTrackerTest, AnEmptySegmentIsAFlushOnceHoweverItEnds) {
  SegmentTracker tracker;
  tracker.SetScanout({4, 10, 20, 1, false});
  tracker.NextSegment();
  const auto flushed = tracker.CloseSegment();
  ASSERT_TRUE(flushed);
  EXPECT_EQ(flushed->resource_id, 4u);
  EXPECT_FALSE(tracker.CloseSegment());
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_TRUE(tracker.NextSegment());
}

TEST(SegmentTrackerTest, TheSecondForceInsideSetScanoutIsTheSameCommand) {
  SegmentTracker tracker;
  tracker.NextSegment();
  EXPECT_TRUE(tracker.SawResourceInfo());
  tracker.SetScanout({4, 10, 20, 1, false});
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_TRUE(tracker.NextSegment());
}

TEST(SegmentTrackerTest, AQuestionAfterAnotherCallIsNoScanout) {
  SegmentTracker tracker;
  EXPECT_FALSE(tracker.SawResourceInfo());
  tracker.SetScanout({4, 10, 20, 1, false});
  tracker.NextSegment();
  tracker.SawCall();
  EXPECT_FALSE(tracker.SawResourceInfo());
  EXPECT_FALSE(tracker.NextSegment());
  EXPECT_TRUE(tracker.NextSegment()) << "the flush behind QEMU's RESOURCE_CREATE_BLOB";
}

TEST(SegmentTrackerTest, AResourceThatIsGoneIsNotFlushed) {
  SegmentTracker tracker;
  tracker.SetScanout({4, 10, 20, 1, false});
  tracker.NextSegment();
  tracker.Forget(5);
  EXPECT_TRUE(tracker.NextSegment());
  tracker.Forget(4);
  EXPECT_FALSE(tracker.NextSegment());
}

}  // namespace
}  // namespace vgpu::shim
