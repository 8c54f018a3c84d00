#!/bin/sh
cat > /dev/null
echo '{"type":"header","format":"leaklab.detections","version":1,"detector":"fails"}'
exit 7
