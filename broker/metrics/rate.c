#include "broker/metrics/rate.h"

void rate_look(struct rate *rate, uint64_t counter, micros now)
{
    micros passed = now - rate->looked;

    if (rate->looked != 0 && passed > 0) {
        uint64_t rise = counter >= rate->last ? counter - rate->last : counter;

        rate->samples[rate->next] = (uint64_t)((double)rise * 1e6 / (double)passed);
        rate->next = (rate->next + 1) % RATE_SAMPLES;
    }
    rate->last = counter;
    rate->looked = now;
}

uint64_t rate_per_second(const struct rate *rate)
{
    uint64_t sum = 0;

    for (int i = 0; i < RATE_SAMPLES; i++)
        sum += rate->samples[i];
    return sum / RATE_SAMPLES;
}
