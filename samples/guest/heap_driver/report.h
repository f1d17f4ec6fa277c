// What the driver says on the serial line, a sentence a line.
#pragma once

// "heap_driver: ..." on stdout, at once.
void Say(const char* format, ...) __attribute__((format(printf, 1, 2)));

// The same, and ends the program with exit status 1.
[[noreturn]] void Fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
