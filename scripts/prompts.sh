#!/bin/sh
# Makes what calls say, src/media/src/audio/prompts/*.al: A-law, 8 kHz. Needs espeak-ng and sox (Debian packages).
# The voice is espeak-ng's "cmn"; the program is under the GPL 3, what it says is not. Towns that want a human voice
# put recordings in a folder of their own (`MixerConfig::prompts`).
# "rate" is to leave some of its 15 s for the answer, and what is said last is over within 20 s (bangban_domain::call::Settings).
set -eu
cd "$(dirname "$0")/.."
folder=src/media/src/audio/prompts
mkdir -p "$folder"
say() {
    espeak-ng -v cmn -s 195 -p 45 --stdout "$2" |
        sox -t wav - -t al -r 8000 -c 1 -D "$folder/$1.al" gain -6 highpass 120 norm -4 silence 1 0.01 0.1% reverse silence 1 0.01 0.1% reverse pad 0.1 0.2
}
say recorded "为了保证服务质量，您的通话将被录音。"
say nobody_reached "很抱歉，暂时没有联系上业务部门的工作人员。我们会在二十四小时之内给您回电。"
say no_operators "您好，现在不是人工服务时间。我们会给您回电，请保持电话畅通。"
say operator_comes "请您稍等，话务员马上为您服务。"
say rate "请为本次服务打分，五分最好，一分最差。请按一到五。"
say thanks "感谢您的来电，再见。"
