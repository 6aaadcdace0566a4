#ifndef KITH_TEST_TEST_H
#define KITH_TEST_TEST_H
/* cmocka with the headers that it wants to see first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
