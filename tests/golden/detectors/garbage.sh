#!/bin/sh
cat > /dev/null
echo '{"type":"header","format":"leaklab.detections","version":1,"detector":"garbage"}'
echo 'Segmentation fault (core dumped)'
