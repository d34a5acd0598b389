/* Symbol visibility of the shared library. */
#ifndef MICA_EXPORT_H
#define MICA_EXPORT_H

#if defined(MICA_BUILDING_SHARED) && defined(__GNUC__)
#define MICA_API __attribute__((visibility("default")))
#else
#define MICA_API
#endif

#endif
