/* Fake libnvidia-ml.so.1 for tests on machines with no GPU.
 * cc -shared -fPIC -O1 -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.1 fake_nvml.c
 * State comes from the text file named by FAKE_NVML_STATE (re-read on every call, so a test can change it live):
 *   count=2              number of GPUs
 *   init=9               nvmlInit returns this error (9 = DRIVER_NOT_LOADED)
 *   0.util=37            value for GPU 0;  *.util=5 is the default for all GPUs
 *   1.power=err15        this reading returns NVML error 15 (GPU_IS_LOST), err3 = NOT_SUPPORTED
 *   hang=1               every reading of a device waits until this line is gone
 *   0.procs=1234:2147483648,5678:1048576   compute processes pid:bytes (bytes "na" = not available)
 * Unset keys have plausible defaults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
typedef unsigned int u32; typedef unsigned long long u64; typedef int ret_t;
enum { OK=0, UNINIT=1, INVAL=2, NOSUP=3, NOTFOUND=6, SMALL=7, TIMEOUT=10 };
typedef struct { int idx; char magic[8]; } dev_t_;
static dev_t_ devs[16]; typedef dev_t_ *H;
static int inited;

static int lookup(const char *k, char *out, size_t n) {            /* 1 = found */
    const char *p = getenv("FAKE_NVML_STATE"); if (!p) return 0;
    FILE *f = fopen(p, "r"); if (!f) return 0;
    char line[1024]; int hit = 0; size_t kl = strlen(k);
    while (fgets(line, sizeof line, f)) if (!strncmp(line, k, kl) && line[kl] == '=') {
        snprintf(out, n, "%s", line + kl + 1); out[strcspn(out, "\r\n")] = 0; hit = 1; }
    fclose(f); return hit;
}
static int devkey(H h, const char *name, char *out, size_t n) {
    char k[64]; snprintf(k, sizeof k, "%d.%s", h->idx, name); if (lookup(k, out, n)) return 1;
    snprintf(k, sizeof k, "*.%s", name); return lookup(k, out, n);
}
static void hang(void) { char b[16]; struct timespec t = { 0, 5000000l }; while (lookup("hang", b, sizeof b)) nanosleep(&t, 0); }
static int valid(H h) { return h && !memcmp(h->magic, "FAKEGPU", 8); }
static ret_t num(H h, const char *name, double dflt, double *v) {  /* numeric reading or injected error */
    hang(); if (!inited) return UNINIT; if (!valid(h)) return INVAL;
    char b[128]; *v = dflt;
    if (devkey(h, name, b, sizeof b)) { if (!strncmp(b, "err", 3)) return atoi(b + 3); *v = atof(b); }
    return OK;
}
static ret_t str(H h, const char *name, const char *dflt, char *out, u32 n) {
    if (!inited) return UNINIT; if (!valid(h)) return INVAL;
    char b[256]; if (devkey(h, name, b, sizeof b)) { if (!strncmp(b, "err", 3)) return atoi(b + 3); } else snprintf(b, sizeof b, "%s", dflt);
    if (strlen(b) + 1 > n) return SMALL; strcpy(out, b); return OK;
}
static int count(void) { char b[16]; return lookup("count", b, sizeof b) ? atoi(b) : 2; }
#define E __attribute__((visibility("default")))
#define NUM32(fn, key, dflt) E ret_t fn(H h, u32 *v) { double d; ret_t r = num(h, key, dflt, &d); if (!r) *v = (u32)d; return r; }
#define NUM64(fn, key, dflt) E ret_t fn(H h, u64 *v) { double d; ret_t r = num(h, key, dflt, &d); if (!r) *v = (u64)d; return r; }
#define PER32(fn, key, dflt) E ret_t fn(H h, u32 which, u32 *v) { char k[32]; double d; snprintf(k, sizeof k, key, which); ret_t r = num(h, k, dflt, &d); if (!r) *v = (u32)d; return r; }
#define UNSUP(fn) E ret_t fn() { return inited ? NOSUP : UNINIT; }

E ret_t nvmlInitWithFlags(u32 f) { (void)f; char b[16]; if (lookup("init", b, sizeof b) && atoi(b)) return atoi(b);
    for (int i = 0; i < 16; i++) { devs[i].idx = i; memcpy(devs[i].magic, "FAKEGPU", 8); } inited++; return OK; }
E ret_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
E ret_t nvmlInit(void) { return nvmlInitWithFlags(0); }
E ret_t nvmlShutdown(void) { if (!inited) return UNINIT; inited--; return OK; }
E const char *nvmlErrorString(ret_t r) { static char b[64]; const char *t[] = {"Success","Uninitialized","Invalid Argument","Not Supported","Insufficient Permissions","Already Initialized","Not Found","Insufficient Size","Insufficient External Power","Driver Not Loaded","Timeout","IRQ Issue","NVML Shared Library Not Found","Function Not Found","Corrupted infoROM","GPU is lost"};
    if (r >= 0 && r < 16) return t[r]; snprintf(b, sizeof b, "Error %d", r); return b; }
E ret_t nvmlSystemGetDriverVersion(char *o, u32 n) { if (!inited) return UNINIT; snprintf(o, n, "580.00.fake"); return OK; }
E ret_t nvmlSystemGetNVMLVersion(char *o, u32 n) { if (!inited) return UNINIT; snprintf(o, n, "13.580.00"); return OK; }
E ret_t nvmlSystemGetCudaDriverVersion(int *v) { if (!inited) return UNINIT; *v = 13000; return OK; }
E ret_t nvmlSystemGetCudaDriverVersion_v2(int *v) { return nvmlSystemGetCudaDriverVersion(v); }
E ret_t nvmlSystemGetProcessName(u32 pid, char *o, u32 n) { char p[64]; snprintf(p, sizeof p, "/proc/%u/comm", pid); FILE *f = fopen(p, "r"); if (!f) return NOTFOUND; if (!fgets(o, n, f)) *o = 0; o[strcspn(o, "\n")] = 0; fclose(f); return OK; }
E ret_t nvmlDeviceGetCount_v2(u32 *n) { if (!inited) return UNINIT; *n = count(); return OK; }
E ret_t nvmlDeviceGetCount(u32 *n) { return nvmlDeviceGetCount_v2(n); }
E ret_t nvmlDeviceGetHandleByIndex_v2(u32 i, H *h) { if (!inited) return UNINIT; if ((int)i >= count() || i >= 16) return INVAL; *h = &devs[i]; return OK; }
E ret_t nvmlDeviceGetHandleByIndex(u32 i, H *h) { return nvmlDeviceGetHandleByIndex_v2(i, h); }
E ret_t nvmlDeviceGetName(H h, char *o, u32 n) { return str(h, "name", "NVIDIA Fake RTX 4090", o, n); }
E ret_t nvmlDeviceGetUUID(H h, char *o, u32 n) { char b[64]; if (!valid(h)) return INVAL; snprintf(b, sizeof b, "GPU-fa4e0000-0000-0000-0000-00000000000%d", h->idx); return str(h, "uuid", b, o, n); }
E ret_t nvmlDeviceGetHandleByUUID(const char *u, H *h) { char b[80]; for (int i = 0; i < count(); i++) if (!nvmlDeviceGetUUID(&devs[i], b, sizeof b) && !strcmp(b, u)) { *h = &devs[i]; return OK; } return NOTFOUND; }
E ret_t nvmlDeviceGetSerial(H h, char *o, u32 n) { return str(h, "serial", "0000000000000", o, n); }
E ret_t nvmlDeviceGetIndex(H h, u32 *v) { if (!valid(h)) return INVAL; *v = h->idx; return OK; }
E ret_t nvmlDeviceGetMinorNumber(H h, u32 *v) { return nvmlDeviceGetIndex(h, v); }
E ret_t nvmlDeviceGetCudaComputeCapability(H h, int *a, int *b) { if (!valid(h)) return INVAL; *a = 8; *b = 9; return OK; }
#define GIB (1024.0*1024*1024)
E ret_t nvmlDeviceGetMemoryInfo(H h, u64 *m) { double t, u; ret_t r = num(h, "mem_total", 24*GIB, &t); if (!r) r = num(h, "mem_used", 3*GIB, &u); if (r) return r; m[0] = t; m[1] = t - u; m[2] = u; return OK; }
E ret_t nvmlDeviceGetMemoryInfo_v2(H h, struct { u32 version; u64 total, reserved, free, used; } *m) { double t, u, s; ret_t r = num(h, "mem_total", 24*GIB, &t); if (!r) r = num(h, "mem_used", 3*GIB, &u); if (!r) r = num(h, "mem_reserved", GIB/4, &s); if (r) return r; m->total = t; m->used = u; m->reserved = s; m->free = t - u - s; return OK; }
E ret_t nvmlDeviceGetBAR1MemoryInfo(H h, u64 *m) { if (!valid(h)) return INVAL; m[0] = 256u<<20; m[2] = 1u<<20; m[1] = m[0] - m[2]; return OK; }
E ret_t nvmlDeviceGetUtilizationRates(H h, u32 *u) { double g, m; ret_t r = num(h, "util", 10 + (h && valid(h) ? h->idx * 30 : 0), &g); if (!r) r = num(h, "mem_util", 5, &m); if (r) return r; u[0] = g; u[1] = m; return OK; }
E ret_t nvmlDeviceGetTemperature(H h, u32 sensor, u32 *v) { (void)sensor; double d; ret_t r = num(h, "temp", 45 + (valid(h) ? h->idx * 5 : 0), &d); if (!r) *v = d; return r; }
E ret_t nvmlDeviceGetTemperatureV(H h, struct { u32 version, sensor; int t; } *s) { double d; ret_t r = num(h, "temp", 45 + (valid(h) ? h->idx * 5 : 0), &d); if (!r) s->t = d; return r; }
PER32(nvmlDeviceGetTemperatureThreshold, "temp_threshold%u", 90)
NUM32(nvmlDeviceGetPowerUsage, "power", 75000) NUM32(nvmlDeviceGetPowerManagementLimit, "power_limit", 450000) NUM32(nvmlDeviceGetEnforcedPowerLimit, "power_limit", 450000)
NUM32(nvmlDeviceGetPowerManagementDefaultLimit, "power_limit", 450000)
E ret_t nvmlDeviceGetPowerManagementLimitConstraints(H h, u32 *lo, u32 *hi) { if (!valid(h)) return INVAL; *lo = 10000; *hi = 450000; return OK; }
NUM64(nvmlDeviceGetTotalEnergyConsumption, "energy_mj", 123456789)
PER32(nvmlDeviceGetClockInfo, "clock%u", 1500) PER32(nvmlDeviceGetMaxClockInfo, "max_clock%u", 3105)
NUM32(nvmlDeviceGetFanSpeed, "fan", 30) PER32(nvmlDeviceGetFanSpeed_v2, "fan%u", 30) NUM32(nvmlDeviceGetNumFans, "num_fans", 2)
NUM32(nvmlDeviceGetPerformanceState, "pstate", 2) NUM32(nvmlDeviceGetPersistenceMode, "persistence", 1) NUM32(nvmlDeviceGetComputeMode, "compute_mode", 0) NUM32(nvmlDeviceGetDisplayActive, "display_active", 0) NUM32(nvmlDeviceGetDisplayMode, "display_mode", 0)
NUM64(nvmlDeviceGetCurrentClocksEventReasons, "throttle", 0) NUM64(nvmlDeviceGetCurrentClocksThrottleReasons, "throttle", 0)
NUM32(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_gen", 4) NUM32(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width", 16) NUM32(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_max_gen", 4) NUM32(nvmlDeviceGetMaxPcieLinkWidth, "pcie_max_width", 16)
PER32(nvmlDeviceGetPcieThroughput, "pcie_kbps%u", 12345) NUM32(nvmlDeviceGetPcieReplayCounter, "pcie_replay", 0)
E ret_t nvmlDeviceGetEccMode(H h, u32 *c, u32 *p) { double d; ret_t r = num(h, "ecc", 0, &d); if (r) return r; *c = *p = d; return OK; }
E ret_t nvmlDeviceGetTotalEccErrors(H h, u32 type, u32 ctr, u64 *v) { char k[32]; double d; snprintf(k, sizeof k, "ecc_errors%u", type); (void)ctr; ret_t r = num(h, k, 0, &d); if (!r) *v = d; return r; }
E ret_t nvmlDeviceGetEncoderUtilization(H h, u32 *u, u32 *p) { double d; ret_t r = num(h, "enc", 0, &d); if (!r) { *u = d; *p = 167000; } return r; }
E ret_t nvmlDeviceGetDecoderUtilization(H h, u32 *u, u32 *p) { double d; ret_t r = num(h, "dec", 0, &d); if (!r) { *u = d; *p = 167000; } return r; }
E ret_t nvmlDeviceGetPciInfo_v3(H h, struct { char legacy[16]; u32 dom, bus, dev, id, sub; char busId[32]; } *p) { if (!inited) return UNINIT; if (!valid(h)) return INVAL; memset(p, 0, sizeof *p); p->bus = h->idx + 1; p->id = 0x268410DE; snprintf(p->legacy, 16, "0000:%02X:00.0", p->bus); snprintf(p->busId, 32, "00000000:%02X:00.0", p->bus); return OK; }
E ret_t nvmlDeviceGetPciInfo_v2(H h, void *p) { return nvmlDeviceGetPciInfo_v3(h, p); }
typedef struct { u32 pid; u64 mem; u32 gi, ci; } proc_t;
static ret_t procs(H h, const char *key, u32 *n, proc_t *out) {
    if (!inited) return UNINIT; if (!valid(h)) return INVAL; char b[512]; u32 k = 0, cap = out ? *n : 0; proc_t t[32];
    if (devkey(h, key, b, sizeof b)) { if (!strncmp(b, "err", 3)) return atoi(b + 3);
        for (char *s = strtok(b, ","); s && k < 32; s = strtok(NULL, ",")) { char *c = strchr(s, ':'); t[k].pid = atoi(s); t[k].mem = !c || !strcmp(c + 1, "na") ? ~0ull : strtoull(c + 1, 0, 10); t[k].gi = t[k].ci = ~0u; k++; } }
    if (cap < k) { *n = k; return SMALL; } for (u32 i = 0; i < k; i++) out[i] = t[i]; *n = k; return OK;
}
E ret_t nvmlDeviceGetComputeRunningProcesses_v3(H h, u32 *n, proc_t *o) { return procs(h, "procs", n, o); }
E ret_t nvmlDeviceGetGraphicsRunningProcesses_v3(H h, u32 *n, proc_t *o) { return procs(h, "gfx_procs", n, o); }
E ret_t nvmlDeviceGetMPSComputeRunningProcesses_v3(H h, u32 *n, proc_t *o) { return procs(h, "mps_procs", n, o); }
E ret_t nvmlDeviceGetProcessUtilization(H h, struct { u32 pid; u64 ts; u32 sm, mem, enc, dec; } *s, u32 *n, u64 last) {
    proc_t t[32]; u32 k = 32; (void)last; ret_t r = procs(h, "procs", &k, t); if (r) return r; if (!k) return NOTFOUND;
    if (!s || *n < k) { *n = k; return SMALL; } struct timespec ts; clock_gettime(CLOCK_REALTIME, &ts);
    for (u32 i = 0; i < k; i++) { s[i].pid = t[i].pid; s[i].ts = ts.tv_sec * 1000000ull + ts.tv_nsec / 1000; s[i].sm = 20; s[i].mem = 10; s[i].enc = s[i].dec = 0; } *n = k; return OK; }
/* XID events: a waiting monitor gets "0.xid=79" as an event (eventType 8 = nvmlEventTypeXidCriticalError) */
E ret_t nvmlEventSetCreate(void **s) { if (!inited) return UNINIT; static int x; *s = &x; return OK; }
E ret_t nvmlEventSetFree(void *s) { (void)s; return OK; }
E ret_t nvmlDeviceGetSupportedEventTypes(H h, u64 *t) { if (!valid(h)) return INVAL; *t = 8; return OK; }
E ret_t nvmlDeviceRegisterEvents(H h, u64 t, void *s) { (void)t; (void)s; return valid(h) ? OK : INVAL; }
E ret_t nvmlEventSetWait_v2(void *s, struct { H dev; u64 type, data; u32 gi, ci; } *e, u32 ms) { (void)s; char b[32];
    for (int i = 0; i < count(); i++) { char k[16]; snprintf(k, sizeof k, "%d.xid", i); if (lookup(k, b, sizeof b) && atoi(b)) { e->dev = &devs[i]; e->type = 8; e->data = atoi(b); e->gi = e->ci = ~0u; return OK; } }
    struct timespec t = { ms / 1000, (ms % 1000) * 1000000l }; nanosleep(&t, 0); return TIMEOUT; }
E ret_t nvmlDeviceGetFieldValues(H h, int n, struct { u32 id, scope; long long ts, lat; u32 vt; ret_t ret; u64 v; } *f) { if (!valid(h)) return INVAL; for (int i = 0; i < n; i++) f[i].ret = NOSUP; return OK; }
UNSUP(nvmlDeviceGetMigMode) UNSUP(nvmlDeviceGetNvLinkState) UNSUP(nvmlDeviceGetRemappedRows) UNSUP(nvmlDeviceGetRetiredPages) UNSUP(nvmlDeviceGetMemoryErrorCounter) UNSUP(nvmlDeviceGetMarginTemperature) UNSUP(nvmlDeviceGetDriverModel) UNSUP(nvmlDeviceGetDriverModel_v2)
